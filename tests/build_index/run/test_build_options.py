"""What a build can be told is checked before it begins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from densephrase.build_index.run.options import BuildOptions
from densephrase.errors import BuildError
from densephrase.index.format.manifest import Manifest
from densephrase.storage.records import record_from_json, record_to_json

REFUSED = [
    ("shard_characters", 4e6, r"is 4000000\.0 \(float\); expected a whole number of at least 1\."),
    ("shard_characters", "800", r"is '800' \(str\); expected a whole number"),
    ("shard_characters", None, r"is None \(NoneType\); expected a whole number"),
    ("shard_characters", 0, r"is 0; expected a whole number of at least 1\."),
    ("flat_limit", -1, r"is -1; expected a whole number of at least 0\."),
    ("flat_limit", float("nan"), r"is nan \(float\)"),
    ("lists", True, r"is True \(bool\)"),
    ("lists", 0, r"is 0; expected a whole number of at least 1\."),
    ("list_dimensions", np.int64(64), r"is .*64.* \(int64\)"),
    ("seed", True, r"is True \(bool\); expected a whole number from 0 to 2147483647\."),
    ("seed", 2**31, r"is 2147483648; expected a whole number from 0 to 2147483647\."),
    ("language", "klingon", r"is 'klingon'; expected one of 'english', 'none'\."),
    ("language", ["english"], r"is \['english'\]; expected one of"),
    ("language", None, r"is None; expected one of"),
    ("profile", 1, r"is 1; expected one of 'default', 'compact'\."),
    ("skip_bad", 1, r"is 1; expected True or False\."),
    ("skip_bad", "no", r"is 'no'; expected True or False\."),
]


@pytest.mark.parametrize(("name", "value", "message"), REFUSED, ids=[f"{name}={value}" for name, value, _ in REFUSED])
def test_values_of_no_sense_are_refused(name: str, value: Any, message: str) -> None:
    with pytest.raises(BuildError, match=f"The build option {name} {message}"):
        BuildOptions(**{name: value})


@pytest.mark.parametrize("changes", [{}, {"lists": None}, {"lists": 8, "seed": 2**31 - 1, "flat_limit": 0}], ids=str)
def test_what_is_accepted_can_be_read_back(changes: dict[str, Any]) -> None:
    options = BuildOptions(**changes).stored()
    nothing = {"path": "encoder", "fingerprint": "", "files": {}}
    quantisation = {"type": "int8", "vector_size": 1, "coherency_rank": 0}
    content = {"encoder": nothing, "quantisation": quantisation, "segments": [], "versions": {}, "options": options}
    manifest = record_from_json(Manifest, content, "manifest")
    assert record_to_json(manifest)["options"] == options
