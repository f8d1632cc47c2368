"""Products of several rows at once, and prefetching, in LLVM's own vector operations.

Every processor gets its own instructions for them. On x86 a product becomes one that multiplies 16 or 32 codes with
weights and adds up neighbours.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_LANES = 32  # columns that are multiplied at once
LINE = 64  # bytes of a cache line

# Of llvm.prefetch: data, to be read, into the second cache. The first one is soon full of lines that were asked for:
# random rows of 128 columns came at 4.1 GB/s then, instead of 4.8.
_TO_READ = (0, 2, 1)
_BYTE, _SHORT, _INT, _LONG = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def multiply_rows(codes: Any, rows: Any, weights: Any) -> Callable[..., Any]:
    """Return what numba compiles for `densephrase.kernels.lowlevel.rows.multiply_rows`."""

    def compiled(codes: Any, rows: Any, weights: Any) -> Any:
        return _products(codes, rows, weights)  # type: ignore[call-arg] # numba gives the first one

    return compiled


def prefetch_row(codes: Any, row: Any, width: Any) -> Callable[..., Any]:
    """Return what numba compiles for `densephrase.kernels.lowlevel.rows.prefetch_row`."""

    def compiled(codes: Any, row: Any, width: Any) -> None:
        _prefetch(codes, row, width)  # type: ignore[call-arg]

    return compiled


def prefetch_bytes(address: Any, size: Any) -> Callable[..., Any]:
    """Return what numba compiles for `densephrase.kernels.lowlevel.rows.prefetch_bytes`."""

    def compiled(address: Any, size: Any) -> None:
        _prefetch_lines(address, size)  # type: ignore[call-arg]

    return compiled


@intrinsic
def _prefetch(_: Any, codes: types.Array, row: types.Integer, width: types.Integer) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        codes_type, row_type, width_type = signature.args
        row = context.cast(builder, arguments[1], row_type, types.int64)
        size = context.cast(builder, arguments[2], width_type, types.int64)
        begin = builder.ptrtoint(_row_pointer(context, builder, codes_type, arguments[0], row), _LONG)
        _ask_for_lines(builder, begin, size)
        return context.get_dummy_value()

    return types.void(codes, row, width), generate


@intrinsic
def _prefetch_lines(_: Any, address: types.Integer, size: types.Integer) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        begin, bytes_ = (
            context.cast(builder, value, kind, types.int64)
            for value, kind in zip(arguments, signature.args, strict=True)
        )
        _ask_for_lines(builder, begin, bytes_)
        return context.get_dummy_value()

    return types.void(address, size), generate


def _ask_for_lines(builder: ir.IRBuilder, begin: Any, size: Any) -> None:
    line = builder.and_(begin, _LONG(-LINE))
    function = builder.module.declare_intrinsic(
        "llvm.prefetch", [_BYTE.as_pointer()], ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), *[_INT] * 3])
    )
    with cgutils.for_range_slice(builder, line, builder.add(begin, size), _LONG(LINE)) as (address, _):
        builder.call(function, [builder.inttoptr(address, _BYTE.as_pointer()), *map(_INT, _TO_READ)])


@intrinsic
def _products(_: Any, codes: types.Array, rows: types.UniTuple, weights: types.UniTuple) -> Any:
    if codes.layout != "C" or weights.dtype.layout != "C" or len(rows) not in (1, 2, 4):
        return None

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        codes_type, rows_type, weights_type = signature.args
        row_pointers = [
            _row_pointer(context, builder, codes_type, arguments[0], context.cast(builder, row, kind, types.int64))
            for row, kind in zip(cgutils.unpack_tuple(builder, arguments[1]), rows_type, strict=True)
        ]
        arrays = [
            context.make_array(weights_type.dtype)(context, builder, array)
            for array in cgutils.unpack_tuple(builder, arguments[2])
        ]
        sums = _Sums(builder, row_pointers, [array.data for array in arrays])
        width = cgutils.unpack_tuple(builder, arrays[0].shape)[0]
        whole = builder.and_(width, _LONG(-_LANES))
        with cgutils.for_range_slice(builder, _LONG(0), whole, _LONG(_LANES)) as (column, _):
            sums.add_columns(column)
        with builder.if_then(builder.icmp_signed("<", whole, width)):
            last = builder.sub(width, _LONG(_LANES))
            with builder.if_else(builder.icmp_signed("<", last, _LONG(0))) as (narrow, wide):
                with narrow, cgutils.for_range(builder, width) as loop:
                    sums.add_column(loop.index)
                with wide:
                    sums.add_columns(last, builder.sub(whole, last))
        return context.make_tuple(builder, signature.return_type, sums.totals())

    return types.UniTuple(types.int32, len(rows) * len(weights))(codes, rows, weights), generate


def _row_pointer(context: Any, builder: ir.IRBuilder, array_type: types.Array, array: Any, row: ir.Value) -> ir.Value:
    """Return the address of the first code of a row."""
    codes = context.make_array(array_type)(context, builder, array)
    columns = cgutils.unpack_tuple(builder, codes.shape)[1]
    return builder.gep(codes.data, [builder.mul(row, columns)])


class _Sums:
    """Code that adds up the products of some rows with some weights, in a vector for each pair of them."""

    def __init__(self, builder: ir.IRBuilder, rows: list[ir.Value], weights: list[ir.Value]) -> None:
        self._builder, self._rows, self._weights = builder, rows, weights
        zeros = ir.Constant(ir.VectorType(_INT, _LANES // 2), [0] * (_LANES // 2))
        self._sums = [[cgutils.alloca_once_value(builder, zeros) for _ in rows] for _ in weights]

    def add_columns(self, begin: ir.Value, skipped: ir.Value | None = None) -> None:
        """Add the products of the `_LANES` columns from `begin` on, but for those that were added already."""
        builder = self._builder
        weights = [_load(builder, pointer, _SHORT, begin) for pointer in self._weights]
        if skipped is not None:
            weights = [_without_first(builder, vector, skipped) for vector in weights]
        weights = [builder.sext(vector, ir.VectorType(_INT, _LANES)) for vector in weights]
        for row, pointer in enumerate(self._rows):
            codes = builder.sext(_load(builder, pointer, _BYTE, begin), ir.VectorType(_INT, _LANES))
            for sums, vector in zip(self._sums, weights, strict=True):
                products = builder.mul(codes, vector, flags=["nsw"])
                even, odd = (_shuffle(builder, products, products, range(side, _LANES, 2)) for side in (0, 1))
                builder.store(builder.add(builder.load(sums[row]), builder.add(even, odd)), sums[row])

    def add_column(self, column: ir.Value) -> None:
        """Add the products of one column."""
        builder = self._builder
        for sums, weights in zip(self._sums, self._weights, strict=True):
            weight = builder.sext(builder.load(builder.gep(weights, [column])), _INT)
            for row, pointer in enumerate(self._rows):
                code = builder.sext(builder.load(builder.gep(pointer, [column])), _INT)
                vector = builder.load(sums[row])
                total = builder.add(builder.extract_element(vector, _INT(0)), builder.mul(code, weight))
                builder.store(builder.insert_element(vector, total, _INT(0)), sums[row])

    def totals(self) -> list[ir.Value]:
        """Return the sum of each pair: those of the first weights, and so on."""
        builder, rows = self._builder, range(len(self._rows))
        groups = [_totals(builder, [builder.load(vector) for vector in sums]) for sums in self._sums]
        return [builder.extract_element(group, _INT(row)) for group in groups for row in rows]


def _without_first(builder: ir.IRBuilder, vector: ir.Value, count: ir.Value) -> ir.Value:
    """Return a vector of 16-bit numbers whose first ones are 0."""
    numbers = ir.Constant(vector.type, list(range(_LANES)))
    zeros = ir.Constant(vector.type, [0] * _LANES)
    counts = builder.insert_element(zeros, builder.trunc(count, _SHORT), _INT(0))
    kept = builder.icmp_signed(">=", numbers, _shuffle(builder, counts, counts, [0] * _LANES))
    return builder.select(kept, vector, zeros)


def _totals(builder: ir.IRBuilder, vectors: list[ir.Value]) -> ir.Value:
    """Add up each of 1, 2 or 4 vectors; return a vector of as many totals."""
    count, run = len(vectors), 1
    while len(vectors) > 1:
        vectors = [_add_pair(builder, *pair, run) for pair in zip(vectors[::2], vectors[1::2], strict=True)]
        run *= 2
    total, lanes = vectors[0], _LANES // 2
    while lanes > count:
        lanes //= 2
        low, high = (_shuffle(builder, total, total, range(first, first + lanes)) for first in (0, lanes))
        total = builder.add(low, high)
    return total


def _add_pair(builder: ir.IRBuilder, first: ir.Value, second: ir.Value, run: int) -> ir.Value:
    """Add halves of two vectors' groups of 4, which shuffle without crossing 128 bits, and mix them in runs of 1 or 2.

    With runs of 1, a1 a2 a3 a4 and b1 b2 b3 b4 give a1 + a3, b1 + b3, a2 + a4, b2 + b4.
    """
    lanes = first.type.count

    def mixed(half: int) -> ir.Value:
        starts = [vector + half + place for place in range(0, 2, run) for vector in (0, lanes)]
        group = [start + lane for start in starts for lane in range(run)]
        return _shuffle(builder, first, second, [start + lane for start in range(0, lanes, 4) for lane in group])

    return builder.add(mixed(0), mixed(2))


def _shuffle(builder: ir.IRBuilder, first: ir.Value, second: ir.Value, lanes: Any) -> ir.Value:
    numbers = [_INT(lane) for lane in lanes]
    return builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(_INT, len(numbers)), numbers))


def _load(builder: ir.IRBuilder, pointer: ir.Value, kind: ir.IntType, column: ir.Value) -> ir.Value:
    """Load `_LANES` numbers from any address."""
    address = builder.bitcast(builder.gep(pointer, [column]), ir.VectorType(kind, _LANES).as_pointer())
    return builder.load(address, align=kind.width // 8)
