"""The one JSON decoder for corpora: JSON as its standard has it, so NaN and Infinity are refused."""

import json
from typing import NoReturn


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
