"""The one JSON decoder for corpora: JSON as its standard has it, so NaN and Infinity are refused."""

import json
import math
from typing import NoReturn


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):  # it would be written as Infinity
        raise ValueError(f"the number {digits[:40]} is too large")
    return number


DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
