"""Sums of what the bytes of a product-quantised row add to its columns, in vector instructions.

A compiled loop over columns writes each sum to memory for every byte; here it stays in a register.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_LANES = 16  # columns at once; they divide r (see `densephrase.kernels.lowlevel.entry_sums`)
_SHORT, _LONG = ir.IntType(16), ir.IntType(64)
_COLUMNS = ir.VectorType(_SHORT, _LANES)


def add_entries(codes: Any, row: Any, entries: Any, values: Any) -> Callable[..., Any]:
    """Return what numba compiles for `densephrase.kernels.lowlevel.entry_sums.add_entries`."""

    def compiled(codes: Any, row: Any, entries: Any, values: Any) -> None:
        _add_entries(codes, row, entries, values)  # type: ignore[call-arg] # numba gives the first one

    return compiled


@intrinsic
def _add_entries(_: Any, codes: types.Array, row: types.Integer, entries: types.Array, values: types.Array) -> Any:
    if any(array.layout != "C" for array in (codes, entries, values)):
        return None

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        row = context.cast(builder, arguments[1], signature.args[1], types.int64)
        codes, entries, values = (
            context.make_array(signature.args[place])(context, builder, arguments[place]) for place in (0, 2, 3)
        )
        groups, size, width = cgutils.unpack_tuple(builder, entries.shape)
        code = builder.gep(codes.data, [builder.mul(row, cgutils.unpack_tuple(builder, codes.shape)[1])])
        total = cgutils.alloca_once(builder, _COLUMNS)
        with cgutils.for_range_slice(builder, _LONG(0), width, _LONG(_LANES)) as (column, _):
            builder.store(ir.Constant(_COLUMNS, [0] * _LANES), total)
            with cgutils.for_range(builder, groups) as loop:
                byte = builder.zext(builder.load(builder.gep(code, [loop.index])), _LONG)
                entry = builder.mul(builder.add(builder.mul(loop.index, size), byte), width)
                added = builder.load(_columns_at(builder, entries.data, builder.add(entry, column)), align=2)
                builder.store(builder.add(builder.load(total), added), total)
            builder.store(builder.load(total), _columns_at(builder, values.data, column), align=2)
        return context.get_dummy_value()

    return types.void(codes, row, entries, values), generate


def _columns_at(builder: ir.IRBuilder, data: ir.Value, place: ir.Value) -> ir.Value:
    return builder.bitcast(builder.gep(data, [place]), _COLUMNS.as_pointer())
