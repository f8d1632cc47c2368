"""Names for the arrays that kernels take; shapes stand in each kernel's docstring."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.int8]
Weights: TypeAlias = NDArray[np.int16]
Rows: TypeAlias = NDArray[np.int64]
# Token numbers, characters and word pieces: uint16 or, where they don't fit, int32. A kernel casts each value that it
# reads to int64: numba's uint16 would make a sum with an int64 a float.
Places: TypeAlias = NDArray[Any]
