"""A tower of a passage encoder as an ONNX graph: the backbone, its pooling and the length of vectors."""

from __future__ import annotations

from typing import Literal

import numpy as np
from onnx import ModelProto

from densephrase.encoder.files.stored_weights import Precision, StoredWeights
from densephrase.encoder.passage.config import PassageEncoderConfig
from densephrase.encoder.question.onnx_backbone import BackboneGraph

TowerName = Literal["passage", "question"]
_SHORTEST = 1e-12  # as torch: a vector of zeros keeps its length


def tower_model(
    config: PassageEncoderConfig, weights: StoredWeights, precision: Precision, tower: TowerName
) -> ModelProto:
    """Return what `BiEncoder` computes of rows of tokens, for backbones that are built like BERT.

    Inputs are those of `BackboneGraph`; the output `vectors` is float32 [n, vector_size]. Raises EncoderError where a
    weight is missing or of another shape than the configuration says.
    """
    backbone = BackboneGraph(config.backbone, weights, precision, f"{tower}.")
    graph, hidden = backbone.graph, backbone.hidden()
    if config.pooling == "cls":
        vectors = graph.add("Gather", hidden, graph.constant(0, np.int64), axis=1)
    else:
        shares = graph.add("Softmax", "padding", axis=1)  # 1 / tokens for each token, 0 behind the last
        means = graph.add("MatMul", graph.add("Transpose", shares, perm=[0, 2, 1]), hidden)
        vectors = graph.add("Squeeze", means, graph.constant([1], np.int64))
    if config.normalise:
        lengths = graph.add("ReduceL2", vectors, graph.constant([1], np.int64), keepdims=1)
        vectors = graph.add("Div", vectors, graph.add("Max", lengths, graph.constant(_SHORTEST)))
    return backbone.model({"vectors": vectors})
