"""Writes ONNX graphs of matrix products: nodes by name, weights as constants, products in float32 or in 8 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions, disable_telemetry_events

from densephrase.encoder.files.stored_weights import Matrix

# Old ones, so that graphs run in every onnxruntime that the package allows. Scales for each row came with 21.
_OPERATORS, _RUNTIME_OPERATORS, _IR_VERSION = 21, 1, 10
RUNTIME = "com.microsoft"  # the domain of onnxruntime's own operators
_LARGEST, _MIDDLE = 127, 128


class GraphWriter:
    """Collects the nodes of a graph; every node and constant gets a name, which later nodes take as their input."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """Add a constant and return its name."""
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values, dtype, order="C"), name))
        return name

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output; "" leaves an optional input out."""
        return self.split(operator, *inputs, outputs=1, domain=domain, **attributes)[0]

    def split(self, operator: str, *inputs: str, outputs: int, domain: str = "", **attributes: Any) -> list[str]:
        """Add a node of several outputs and return their names."""
        names = [f"{operator}{len(self._nodes)}_{number}" for number in range(outputs)]
        self._nodes.append(helper.make_node(operator, list(inputs), names, domain=domain, **attributes))
        return names

    def model(self, inputs: Mapping[str, tuple[int, Sequence[str | int]]], outputs: Mapping[str, str]) -> ModelProto:
        """Return the whole: inputs by name with type and dimensions, and which outputs are called what."""
        nodes = [*self._nodes, *(helper.make_node("Identity", [inner], [name]) for name, inner in outputs.items())]
        graph: GraphProto = helper.make_graph(
            nodes,
            "densephrase",
            [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            self._constants,
        )
        operators = [helper.make_opsetid("", _OPERATORS), helper.make_opsetid(RUNTIME, _RUNTIME_OPERATORS)]
        return helper.make_model(graph, opset_imports=operators, ir_version=_IR_VERSION)


class FloatProducts:
    """Products `x W^T` in float32."""

    def __init__(self, graph: GraphWriter) -> None:
        self._graph = graph

    def add(self, rows: str, matrix: Matrix) -> str:
        """Multiply rows [..., columns] by the matrix [outputs, columns]; return the name of [..., outputs]."""
        return self._graph.add("MatMul", rows, self._graph.constant(matrix.values().T))


class IntegerProducts:
    """Products `x W^T` of 8-bit integers, for weights that are stored as such.

    Each row of x is scaled by its own largest value, so that it is the same whatever stands beside it in a batch.
    """

    def __init__(self, graph: GraphWriter) -> None:
        self._graph = graph
        self._step = graph.constant(1 / _LARGEST)
        self._one = graph.constant([1])
        self._last = graph.constant([-1], np.int64)
        self._zero = graph.constant([_MIDDLE], np.uint8)
        self._zeros: str | None = None  # one for each row; all x must have equally many

    def add(self, rows: str, matrix: Matrix) -> str:
        """Multiply rows [..., columns] by the matrix [outputs, columns]; return the name of [..., outputs]."""
        graph, columns = self._graph, matrix.codes.shape[1]
        largest = graph.add("ReduceMax", graph.add("Abs", rows), self._last, keepdims=1)
        scale = graph.add("Mul", largest, self._step)  # 0 for a row of zeros, whose product it makes 0 below
        if self._zeros is None:
            middle = helper.make_tensor("value", TensorProto.UINT8, [1], [_MIDDLE])
            self._zeros = graph.add("ConstantOfShape", graph.add("Shape", scale), value=middle)
        codes = graph.add("QuantizeLinear", rows, scale, self._zeros, axis=-1, block_size=columns)
        weights, weight_scale = graph.constant(matrix.codes.T, np.int8), graph.constant(matrix.scale)
        product = graph.add("MatMulIntegerToFloat", codes, weights, self._one, weight_scale, self._zero, domain=RUNTIME)
        return graph.add("Mul", product, scale)


def start_session(model: ModelProto) -> InferenceSession:
    """Return a session that runs on the thread that asks; several may ask it at once."""
    disable_telemetry_events()
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # More would join additions and normalisations to an operator that is slower than the two.
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_BASIC
    return InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@cache
def integers_are_exact() -> bool:
    """Tell whether this processor multiplies 8-bit integers without an overflow of sums in 16 bits.

    x86 processors before VNNI add up two products in 16 bits, which large values overflow.
    """
    graph = GraphWriter()
    product = graph.add("MatMulInteger", "rows", graph.constant(np.full((64, 16), _LARGEST), np.int8))
    model = graph.model(
        {"rows": (TensorProto.UINT8, ["n", "k"])}, {"sums": graph.add("Cast", product, to=TensorProto.FLOAT)}
    )
    session = start_session(model)
    sums = [session.run(None, {"rows": np.full((rows, 64), 255, np.uint8)})[0] for rows in (1, 16)]
    return all(bool((found == 64 * 255 * _LARGEST).all()) for found in sums)
