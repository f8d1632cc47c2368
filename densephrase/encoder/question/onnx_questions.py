"""The question side of an encoder as an ONNX graph, written from its configuration and its stored weights."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.files.stored_weights import Matrix, Precision, StoredWeights
from densephrase.encoder.question.onnx_writer import RUNTIME, FloatProducts, GraphWriter, IntegerProducts
from densephrase.errors import EncoderError

# Backbones that are built like BERT, and whether they count positions from behind the padding token's number.
_FAMILIES = {"bert": False, "electra": False, "roberta": True, "xlm-roberta": True, "camembert": True}
_SIZES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
_ACTIVATIONS: dict[str, tuple[str, dict[str, str]]] = {
    "gelu": ("Gelu", {"approximate": "none"}),
    "gelu_new": ("Gelu", {"approximate": "tanh"}),
    "relu": ("Relu", {}),
}
_SIDES = ("start", "end")
_SPARC_HEADS = 4


def unsupported(config: EncoderConfig) -> str | None:
    """Return what of the backbone no graph can be written for; None when all is known."""
    backbone = config.backbone
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


def first_position(config: EncoderConfig) -> int:
    """Return the position of a question's first token."""
    return int(config.backbone.get("pad_token_id", 1)) + 1 if _FAMILIES[config.backbone["model_type"]] else 0


class QuestionGraph:
    """Writes what `PhraseModel.encode_questions` computes, for backbones that are built like BERT.

    Inputs, for n questions of t tokens: `ids` and `positions` int64 [n, t], `lengths` int32 [n], and `padding` float32
    [n, t, 1], 0 for tokens and -inf behind the last. Outputs, float32: `start` and `end` [n, vector_size], and with
    Sparc heads `weights` [n, 4, t], before any is masked.
    """

    def __init__(self, config: EncoderConfig, weights: StoredWeights, precision: Precision) -> None:
        self._config, self._weights = config, weights
        self._graph = GraphWriter()
        products = IntegerProducts if precision == "int8" else FloatProducts
        self._tokens, self._questions = products(self._graph), products(self._graph)  # by what a row stands for
        self._sizes = {name: int(config.backbone[name]) for name in _SIZES}
        self._hidden = self._sizes["hidden_size"]
        if self._hidden % self._sizes["num_attention_heads"]:
            raise EncoderError(
                f"The encoder's backbone cannot be built: {self._hidden} dimensions are no multiple of "
                f"{self._sizes['num_attention_heads']} attention heads."
            )

    def model(self) -> ModelProto:
        """Return the model; EncoderError where a weight is missing or of another shape than the configuration says."""
        graph = self._graph
        beyond = f"backbone.encoder.layer.{self._sizes['num_hidden_layers']}."
        if any(name.startswith(beyond) for name in self._weights.tensors):
            raise EncoderError(
                f"The weights of {self._weights.folder} do not fit its configuration: they have more layers than "
                f"num_hidden_layers={self._sizes['num_hidden_layers']}."
            )
        hidden = self._embed()
        for number in range(self._sizes["num_hidden_layers"]):
            hidden = self._layer(f"backbone.encoder.layer.{number}.", hidden)
        first = graph.add("Gather", hidden, graph.constant([0], np.int64), axis=1)
        outputs = self._vectors(hidden, first)
        if self._config.sparc_size:
            outputs["weights"] = self._sparc(hidden, first)
        inputs: dict[str, tuple[int, list[str | int]]] = {
            "ids": (TensorProto.INT64, ["n", "t"]),
            "positions": (TensorProto.INT64, ["n", "t"]),
            "lengths": (TensorProto.INT32, ["n"]),
            "padding": (TensorProto.FLOAT, ["n", "t", 1]),
        }
        return graph.model(inputs, outputs)

    def _embed(self) -> str:
        backbone, name = self._config.backbone, "backbone.embeddings."
        projected = "backbone.embeddings_project.weight" in self._weights.tensors
        size = int(backbone.get("embedding_size", self._hidden)) if projected else self._hidden
        rows = {
            "word": self._sizes["vocab_size"],
            "position": int(backbone["max_position_embeddings"]),
            "token_type": int(backbone.get("type_vocab_size", 2)),
        }
        tables = {kind: self._weights.matrix(f"{name}{kind}_embeddings.weight", (rows[kind], size)) for kind in rows}
        places = tables["position"].values() + tables["token_type"].values()[0]
        place = self._graph.add("Gather", self._graph.constant(places), "positions")
        embedded = self._norm(name + "LayerNorm", size, self._look_up(tables["word"], "ids"), place)
        return self._linear(["backbone.embeddings_project"], embedded, size, self._hidden) if projected else embedded

    def _look_up(self, table: Matrix, ids: str) -> str:
        graph = self._graph
        rows = graph.add("Gather", graph.constant(table.codes, table.codes.dtype), ids)
        if table.scale is None:
            return rows
        scales = graph.add("Gather", graph.constant(table.scale[:, None]), ids)
        return graph.add("Mul", graph.add("Cast", rows, to=TensorProto.FLOAT), scales)

    def _layer(self, name: str, hidden: str) -> str:
        graph, size, inner_size = self._graph, self._hidden, self._sizes["intermediate_size"]
        projections = [f"{name}attention.self.{part}" for part in ("query", "key", "value")]
        parts = graph.split("Split", self._linear(projections, hidden, size, size), outputs=3, axis=-1, num_outputs=3)
        heads = self._sizes["num_attention_heads"]
        mixed = graph.add("MultiHeadAttention", *parts, "", "lengths", domain=RUNTIME, num_heads=heads)
        attended = self._linear([name + "attention.output.dense"], mixed, size, size)
        hidden = self._norm(name + "attention.output.LayerNorm", size, attended, hidden)
        operator, attributes = _ACTIVATIONS[self._config.backbone.get("hidden_act", "gelu")]
        inner = graph.add(operator, self._linear([name + "intermediate.dense"], hidden, size, inner_size), **attributes)
        outer = self._linear([name + "output.dense"], inner, inner_size, size)
        return self._norm(name + "output.LayerNorm", size, outer, hidden)

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
        projected = self._linear([name + "projection"], rows, self._hidden, size, products)
        if not inner_size:
            return projected
        inner = self._graph.add("Gelu", self._linear([name + "inner"], rows, self._hidden, inner_size, products))
        outer = products.add(inner, self._weights.matrix(name + "outer.weight", (size, inner_size)))
        return self._graph.add("Add", projected, outer)

    def _sparc(self, hidden: str, first: str) -> str:
        """Return ReLU(q k / sqrt(d)) of the first token's q, [n, 4, t]."""
        graph, size = self._graph, self._config.sparc_size
        width = _SPARC_HEADS * size
        query = self._linear(["sparc.query"], first, self._hidden, width, self._questions)
        query = graph.add("Mul", query, graph.constant(size**-0.5))
        query = graph.add("Reshape", query, graph.constant([-1, _SPARC_HEADS, size, 1], np.int64))
        key = self._linear(["sparc.key"], hidden, self._hidden, width)
        key = graph.add("Reshape", key, graph.constant([0, 0, _SPARC_HEADS, size], np.int64))
        products = graph.add("MatMul", graph.add("Transpose", key, perm=[0, 2, 1, 3]), query)
        return graph.add("Relu", graph.add("Squeeze", products, graph.constant([3], np.int64)))

    def _linear(
        self,
        names: list[str],
        rows: str,
        inputs: int,
        outputs: int,
        products: FloatProducts | IntegerProducts | None = None,
    ) -> str:
        """Apply linear layers beside each other to rows of tokens, or of what `products` are of."""
        matrices = [self._weights.matrix(f"{name}.weight", (outputs, inputs)) for name in names]
        biases = [self._weights.vector(f"{name}.bias", outputs) for name in names]
        product = (products or self._tokens).add(rows, Matrix.stack(matrices))
        return self._graph.add("Add", product, self._graph.constant(np.concatenate(biases)))

    def _norm(self, name: str, size: int, *rows: str) -> str:
        """Normalise the sum of two."""
        scale, shift = (self._weights.vector(f"{name}.{part}", size) for part in ("weight", "bias"))
        epsilon = float(self._config.backbone.get("layer_norm_eps", 1e-12))
        total = self._graph.add("Add", *rows)
        constants = self._graph.constant(scale), self._graph.constant(shift)
        return self._graph.add("LayerNormalization", total, *constants, axis=-1, epsilon=epsilon)
