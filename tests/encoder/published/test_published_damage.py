"""Published folders with one setting or some bytes changed at random: read as something, or refused with an error."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.passage.passage_encoder import PassageEncoder
from densephrase.errors import EncoderError
from tests.encoder.published.published_folders import (
    write_dpr_checkpoint,
    write_dpr_pair,
    write_router_folder,
    write_sentence_folder,
)

VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 3, 10**6, 2**31, 2**63, 10**400, 1e-300, 1e308),
    *("", "x", "bert", "\ud800", "../..", "/etc", "x" * 10_000, [], {}, [1, 2], [[]], {"a": 1}, ["cls"], ["x"] * 9),
)
WRITERS: dict[str, Callable[[Path], Path]] = {
    "one": lambda folder: write_sentence_folder(folder, prompts={"query": "q: "}, similarity_fn_name="dot"),
    "two": write_router_folder,
    "dpr": write_dpr_pair,
    "torch": lambda folder: write_dpr_pair(folder, torch_file=True),
    "checkpoint": write_dpr_checkpoint,
}


@pytest.fixture(scope="module", params=WRITERS)
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole folder, to be read only."""
    return WRITERS[request.param](tmp_path_factory.mktemp("published") / "folder")


def use(folder: Path) -> str:
    """Load an encoder and use it; say whether it could be used."""
    try:
        encoder = PassageEncoder.from_pretrained(folder, bf16=False)
        vectors = encoder.encode_questions(["who was king", ""]), encoder.encode_passages([ParagraphInput("a", "b")])
    except EncoderError:
        return "refused"
    assert all(np.isfinite(rows).all() for rows in vectors)
    return "used"


def containers(value: Any) -> list[Any]:
    """Return all objects and lists of a JSON value that have something in them."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return ([value] if value and isinstance(value, dict | list) else []) + [c for v in inner for c in containers(v)]


def change_setting(path: Path, rng: random.Random) -> None:
    """Change, drop or add an entry of a JSON file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    places = containers(content)
    if not places:
        content = rng.choice(VALUES)
    else:
        place = rng.choice(places)
        key = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
        if rng.random() < 0.2:
            del place[key]
        else:
            place[key] = rng.choice(VALUES)
    path.write_text(json.dumps(content), encoding="utf-8")


def change_bytes(path: Path, rng: random.Random) -> None:
    """Overwrite some bytes of a file, or cut it."""
    content = bytearray(path.read_bytes())
    if rng.random() < 0.3:
        content = content[: rng.randrange(1, len(content) + 1)]
    for _ in range(rng.randrange(1, 4)):
        content[rng.randrange(min(len(content), 4_000))] = rng.randrange(256)
    path.write_bytes(content)


@pytest.mark.slow
def test_changed_settings_are_refused_or_harmless(published: Path, tmp_path: Path, soak: int) -> None:
    rng = random.Random(5)
    names = [path.relative_to(published) for path in sorted(published.rglob("*.json")) if path.stat().st_size < 4_000]
    outcomes = []
    for number in range(12 * soak):
        folder = Path(shutil.copytree(published, tmp_path / str(number)))
        change_setting(folder / rng.choice(names), rng)
        outcomes.append(use(folder))
        shutil.rmtree(folder)
    assert set(outcomes) <= {"used", "refused"}
    assert "refused" in outcomes


@pytest.mark.slow
def test_changed_bytes_are_refused_or_harmless(published: Path, tmp_path: Path, soak: int) -> None:
    rng = random.Random(6)
    names = [path.relative_to(published) for path in sorted(published.rglob("*")) if path.is_file()]
    outcomes = []
    for number in range(12 * soak):
        folder = Path(shutil.copytree(published, tmp_path / str(number)))
        change_bytes(folder / rng.choice(names), rng)
        outcomes.append(use(folder))
        shutil.rmtree(folder)
    assert set(outcomes) <= {"used", "refused"}
    assert "refused" in outcomes
