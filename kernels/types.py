"""Names for the arrays that kernels take; shapes stand in each kernel's docstring."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.int8]
Bytes: TypeAlias = NDArray[np.uint8]
Table: TypeAlias = NDArray[np.int32]
Weights: TypeAlias = NDArray[np.int16]
Rows: TypeAlias = NDArray[np.int64]
