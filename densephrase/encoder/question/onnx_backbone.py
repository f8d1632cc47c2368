"""The backbone of an encoder as an ONNX graph, for architectures that are built like BERT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from densephrase.encoder.files.stored_weights import Matrix, Precision, StoredWeights
from densephrase.encoder.question.onnx_writer import RUNTIME, FloatProducts, GraphWriter, IntegerProducts
from densephrase.encoder.tokens.tokeniser import pad_rows
from densephrase.errors import EncoderError

# Backbones that are built like BERT, and whether they count positions from behind the padding token's number.
_FAMILIES = {"bert": False, "electra": False, "roberta": True, "xlm-roberta": True, "camembert": True}
_SIZES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
_ACTIVATIONS: dict[str, tuple[str, dict[str, str]]] = {
    "gelu": ("Gelu", {"approximate": "none"}),
    "gelu_new": ("Gelu", {"approximate": "tanh"}),
    "relu": ("Relu", {}),
}


def unsupported(backbone: Mapping[str, Any]) -> str | None:
    """Return what of a backbone's configuration no graph can be written for; None when all is known."""
    if backbone["model_type"] not in _FAMILIES:
        return f"model_type {backbone['model_type']!r}"
    lacking = [name for name in (*_SIZES, "max_position_embeddings") if not isinstance(backbone.get(name), int)]
    if lacking:
        return f"no {', '.join(lacking)} in its configuration"
    if backbone.get("hidden_act", "gelu") not in _ACTIVATIONS:
        return f"hidden_act {backbone['hidden_act']!r}"
    if _FAMILIES[backbone["model_type"]] and not isinstance(backbone.get("pad_token_id", 1), int):
        return "no pad_token_id, from which positions are counted"
    if backbone.get("is_decoder") or backbone.get("position_embedding_type") not in (None, "absolute"):
        return "attention that depends on places"
    return None


def first_position(backbone: Mapping[str, Any]) -> int:
    """Return the position of a text's first token."""
    return int(backbone.get("pad_token_id", 1)) + 1 if _FAMILIES[backbone["model_type"]] else 0


def position_places(backbone: Mapping[str, Any]) -> int:
    """Return how many tokens a row of a backbone that is not `unsupported` may have."""
    return int(backbone["max_position_embeddings"]) - first_position(backbone)


def graph_inputs(rows: Sequence[Sequence[int]], pad_token_id: int, first: int) -> dict[str, NDArray[Any]]:
    """Return the inputs of a graph for rows of ids; `first` is what `first_position` gives."""
    ids, mask = pad_rows(rows, pad_token_id)
    counted = ids != first - 1  # RoBERTa and its kin count padding tokens as none; for BERT there is no -1
    return {
        "ids": ids,
        "positions": np.cumsum(counted, 1) * counted + first - 1,
        "lengths": mask.sum(1, dtype=np.int32),
        "padding": np.where(mask, np.float32(0), np.float32("-inf"))[:, :, None],
    }


class BackboneGraph:
    """Writes what a backbone computes, from its configuration and its stored weights.

    Inputs, for n texts of t tokens: `ids` and `positions` int64 [n, t], `lengths` int32 [n], and `padding` float32
    [n, t, 1], 0 for tokens and -inf behind the last.

    Raises EncoderError where a weight is missing or of another shape than the configuration says.
    """

    def __init__(self, backbone: Mapping[str, Any], weights: StoredWeights, precision: Precision, prefix: str) -> None:
        """Begin a graph of the backbone whose weights are called `prefix` and Hugging Face's names."""
        self._backbone, self.weights, self._prefix = backbone, weights, prefix
        self.graph = GraphWriter()
        self._products = IntegerProducts if precision == "int8" else FloatProducts
        self.tokens = self.new_products()
        self._sizes = {name: int(backbone[name]) for name in _SIZES}
        self.size = self._sizes["hidden_size"]
        if self.size % self._sizes["num_attention_heads"]:
            raise EncoderError(
                f"The encoder's backbone cannot be built: {self.size} dimensions are no multiple of "
                f"{self._sizes['num_attention_heads']} attention heads."
            )

    def new_products(self) -> FloatProducts | IntegerProducts:
        """Return products for rows that stand for something else than tokens; those of one thing have equally many."""
        return self._products(self.graph)

    def hidden(self) -> str:
        """Write the backbone; return the name of the last hidden states [n, t, size]."""
        layers = self._sizes["num_hidden_layers"]
        beyond = f"{self._prefix}encoder.layer.{layers}."
        if any(name.startswith(beyond) for name in self.weights.tensors):
            raise EncoderError(
                f"The weights of {self.weights.folder} do not fit its configuration: they have more layers than "
                f"num_hidden_layers={layers}."
            )
        hidden = self._embed()
        for number in range(layers):
            hidden = self._layer(f"{self._prefix}encoder.layer.{number}.", hidden)
        return hidden

    def model(self, outputs: Mapping[str, str]) -> ModelProto:
        """Return the whole, with outputs called so."""
        inputs: dict[str, tuple[int, list[str | int]]] = {
            "ids": (TensorProto.INT64, ["n", "t"]),
            "positions": (TensorProto.INT64, ["n", "t"]),
            "lengths": (TensorProto.INT32, ["n"]),
            "padding": (TensorProto.FLOAT, ["n", "t", 1]),
        }
        return self.graph.model(inputs, outputs)

    def linear(
        self,
        names: list[str],
        rows: str,
        inputs: int,
        outputs: int,
        products: FloatProducts | IntegerProducts | None = None,
    ) -> str:
        """Apply linear layers beside each other to rows of tokens, or of what `products` are of."""
        matrices = [self.weights.matrix(f"{name}.weight", (outputs, inputs)) for name in names]
        biases = [self.weights.vector(f"{name}.bias", outputs) for name in names]
        product = (products or self.tokens).add(rows, Matrix.stack(matrices))
        return self.graph.add("Add", product, self.graph.constant(np.concatenate(biases)))

    def _embed(self) -> str:
        backbone, name = self._backbone, f"{self._prefix}embeddings."
        project = f"{self._prefix}embeddings_project"
        projected = f"{project}.weight" in self.weights.tensors
        size = int(backbone.get("embedding_size", self.size)) if projected else self.size
        rows = {
            "word": self._sizes["vocab_size"],
            "position": int(backbone["max_position_embeddings"]),
            "token_type": int(backbone.get("type_vocab_size", 2)),
        }
        tables = {kind: self.weights.matrix(f"{name}{kind}_embeddings.weight", (rows[kind], size)) for kind in rows}
        places = tables["position"].values() + tables["token_type"].values()[0]
        place = self.graph.add("Gather", self.graph.constant(places), "positions")
        embedded = self._norm(name + "LayerNorm", size, self._look_up(tables["word"], "ids"), place)
        return self.linear([project], embedded, size, self.size) if projected else embedded

    def _look_up(self, table: Matrix, ids: str) -> str:
        graph = self.graph
        rows = graph.add("Gather", graph.constant(table.codes, table.codes.dtype), ids)
        if table.scale is None:
            return rows
        scales = graph.add("Gather", graph.constant(table.scale[:, None]), ids)
        return graph.add("Mul", graph.add("Cast", rows, to=TensorProto.FLOAT), scales)

    def _layer(self, name: str, hidden: str) -> str:
        graph, size, inner_size = self.graph, self.size, self._sizes["intermediate_size"]
        projections = [f"{name}attention.self.{part}" for part in ("query", "key", "value")]
        parts = graph.split("Split", self.linear(projections, hidden, size, size), outputs=3, axis=-1, num_outputs=3)
        heads = self._sizes["num_attention_heads"]
        mixed = graph.add("MultiHeadAttention", *parts, "", "lengths", domain=RUNTIME, num_heads=heads)
        attended = self.linear([name + "attention.output.dense"], mixed, size, size)
        hidden = self._norm(name + "attention.output.LayerNorm", size, attended, hidden)
        operator, attributes = _ACTIVATIONS[self._backbone.get("hidden_act", "gelu")]
        inner = graph.add(operator, self.linear([name + "intermediate.dense"], hidden, size, inner_size), **attributes)
        outer = self.linear([name + "output.dense"], inner, inner_size, size)
        return self._norm(name + "output.LayerNorm", size, outer, hidden)

    def _norm(self, name: str, size: int, *rows: str) -> str:
        """Normalise the sum of two."""
        scale, shift = (self.weights.vector(f"{name}.{part}", size) for part in ("weight", "bias"))
        epsilon = float(self._backbone.get("layer_norm_eps", 1e-12))
        total = self.graph.add("Add", *rows)
        constants = self.graph.constant(scale), self.graph.constant(shift)
        return self.graph.add("LayerNormalization", total, *constants, axis=-1, epsilon=epsilon)
