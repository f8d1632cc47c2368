"""Sums of what the bytes of a product-quantised row add to its columns, in vector instructions.

A compiled loop over columns writes each sum to memory for every byte; here it stays in a register. As the steps of
`densephrase.kernels.lowlevel.rows`, it is written in LLVM's own vector operations and has a plain form that says what
it does.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from densephrase.kernels.types import Codes

LANES = 16  # columns that are added up at once

# What each byte adds to a row's columns, int16 [G, 256, r], r a multiple of LANES; without groups, columns are codes
# themselves.
Entries: TypeAlias = NDArray[np.int16]
Values: TypeAlias = NDArray[np.int16]

_BYTE, _SHORT, _LONG = (ir.IntType(bits) for bits in (8, 16, 64))
_COLUMNS = ir.VectorType(_SHORT, LANES)


def add_entries(codes: Codes, row: int, entries: Entries, values: Values) -> None:
    """Write the columns that a row stands for to `values` int16[r]: the sums of what its bytes add.

    `codes` int8[N, at least G]; all are contiguous, and no sum leaves 16 bits.
    """
    chosen = codes[row, : entries.shape[0]].view(np.uint8)
    values[:] = entries[np.arange(entries.shape[0]), chosen].sum(0)


@overload(add_entries, inline="always")
def _compile_add_entries(codes: Any, row: Any, entries: Any, values: Any) -> Callable[..., Any]:
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
        with cgutils.for_range_slice(builder, _LONG(0), width, _LONG(LANES)) as (column, _):
            builder.store(ir.Constant(_COLUMNS, [0] * LANES), total)
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
