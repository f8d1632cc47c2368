"""The question side of an encoder as an ONNX graph, written from its configuration and its stored weights."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.files.stored_weights import Matrix, Precision, StoredWeights
from densephrase.encoder.question.onnx_backbone import BackboneGraph

_SIDES = ("start", "end")
_SPARC_HEADS = 4


class QuestionGraph:
    """Writes what `PhraseModel.encode_questions` computes, for backbones that are built like BERT.

    Inputs are those of `BackboneGraph`. Outputs, float32: `start` and `end` [n, vector_size], and with Sparc heads
    `weights` [n, 4, t], before any is masked.
    """

    def __init__(self, config: EncoderConfig, weights: StoredWeights, precision: Precision) -> None:
        self._config, self._weights = config, weights
        self._backbone = BackboneGraph(config.backbone, weights, precision, "backbone.")
        self._graph, self._hidden = self._backbone.graph, self._backbone.size
        self._questions = self._backbone.new_products()

    def model(self) -> ModelProto:
        """Return the model; EncoderError where a weight is missing or of another shape than the configuration says."""
        graph = self._graph
        hidden = self._backbone.hidden()
        first = graph.add("Gather", hidden, graph.constant([0], np.int64), axis=1)
        outputs = self._vectors(hidden, first)
        if self._config.sparc_size:
            outputs["weights"] = self._sparc(hidden, first)
        return self._backbone.model(outputs)

    def _vectors(self, hidden: str, first: str) -> dict[str, str]:
        """Return start and end vectors [n, vector_size]; hidden [n, t, H], first [n, 1, H]."""
        graph, config = self._graph, self._config
        attention = [self._weights.matrix(f"question_{side}.attention.weight", (1, self._hidden)) for side in _SIDES]
        logits = graph.add("MatMul", hidden, graph.constant(Matrix.stack(attention).values().T))
        shares = graph.add("Softmax", graph.add("Add", logits, "padding"), axis=1)
        means = graph.add("MatMul", graph.add("Transpose", shares, perm=[0, 2, 1]), hidden)
        pooled = graph.split("Split", graph.add("Add", means, first), outputs=2, axis=1, num_outputs=2)
        scale, flat = graph.constant(config.vector_size**-0.5), graph.constant([-1, config.vector_size], np.int64)
        vectors = {}
        for side, rows in zip(_SIDES, pooled, strict=True):
            vector = graph.add("Mul", self._head(f"question_{side}.head.", rows), scale)
            vectors[side] = graph.add("Reshape", vector, flat)
        return vectors

    def _head(self, name: str, rows: str) -> str:
        size, inner_size = self._config.vector_size, self._config.head_hidden_size
        products = self._questions
        projected = self._backbone.linear([name + "projection"], rows, self._hidden, size, products)
        if not inner_size:
            return projected
        inner = self._graph.add(
            "Gelu", self._backbone.linear([name + "inner"], rows, self._hidden, inner_size, products)
        )
        outer = products.add(inner, self._weights.matrix(name + "outer.weight", (size, inner_size)))
        return self._graph.add("Add", projected, outer)

    def _sparc(self, hidden: str, first: str) -> str:
        """Return ReLU(q k / sqrt(d)) of the first token's q, [n, 4, t]."""
        graph, size = self._graph, self._config.sparc_size
        width = _SPARC_HEADS * size
        query = self._backbone.linear(["sparc.query"], first, self._hidden, width, self._questions)
        query = graph.add("Mul", query, graph.constant(size**-0.5))
        query = graph.add("Reshape", query, graph.constant([-1, _SPARC_HEADS, size, 1], np.int64))
        key = self._backbone.linear(["sparc.key"], hidden, self._hidden, width)
        key = graph.add("Reshape", key, graph.constant([0, 0, _SPARC_HEADS, size], np.int64))
        products = graph.add("MatMul", graph.add("Transpose", key, perm=[0, 2, 1, 3]), query)
        return graph.add("Relu", graph.add("Squeeze", products, graph.constant([3], np.int64)))
