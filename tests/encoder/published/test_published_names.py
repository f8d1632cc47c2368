"""Names of published encoders: folders, hub ids, pairs; where each is looked for."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants

from densephrase.encoder.passage.passage_encoder import PassageEncoder
from densephrase.errors import EncoderError
from tests.encoder.published.published_folders import write_dpr_pair, write_sentence_folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub that holds what a test puts into this folder; each fetch copies what its patterns name."""
    stored, cache = tmp_path / "hub", tmp_path / "cache"

    def fetch(name: str, allow_patterns: list[str], **_: Any) -> str:
        for path in sorted((stored / name).rglob("*")):
            if path.is_file() and any(path.match(pattern) for pattern in allow_patterns):
                target = cache / path.relative_to(stored)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        if not (cache / name).exists():
            raise OSError("no such repository")
        return str(cache / name)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    return stored


def test_a_hub_id_is_fetched_without_what_is_not_needed(hub: Path) -> None:
    folder = write_sentence_folder(hub / "somebody/model")
    (folder / "pytorch_model.bin").write_bytes(b"the same weights again")
    (folder / "onnx").mkdir()
    (folder / "onnx/model.onnx").write_bytes(b"a graph")
    encoder = PassageEncoder.from_pretrained("somebody/model", bf16=False)
    assert encoder.fingerprint == PassageEncoder.from_pretrained(folder, bf16=False).fingerprint
    fetched = {path.name for path in (hub.parent / "cache").rglob("*") if path.is_file()}
    assert "model.safetensors" in fetched
    assert not {"pytorch_model.bin", "model.onnx"} & fetched


def test_a_pair_of_hub_ids_may_have_torch_files_only(hub: Path) -> None:
    pair = write_dpr_pair(hub / "facebook", torch_file=True)
    encoder = PassageEncoder.from_pretrained("facebook/ctx_encoder, facebook/question_encoder", bf16=False)
    assert encoder.fingerprint == PassageEncoder.from_pretrained(pair, bf16=False).fingerprint


def test_a_hub_id_out_of_reach_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(EncoderError, match=r"no encoder folder 'nobody/nothing', .*hub gave none.*Accepted are 'minil"):
        PassageEncoder.from_pretrained("nobody/nothing")


@pytest.mark.parametrize("name", ["a/b/c/d", "no such\nname", "x" * 5_000])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(EncoderError, match="Accepted are 'minilm'"):
        PassageEncoder.from_pretrained(name)


def test_a_path_is_never_looked_for_on_the_hub(hub: Path) -> None:
    write_sentence_folder(hub / "somebody/model")
    with pytest.raises(EncoderError, match="There is no encoder folder 'somebody/model'. Accepted are"):
        PassageEncoder.from_pretrained(Path("somebody/model"))


def test_a_folder_whose_name_has_a_comma_is_a_folder(tmp_path: Path) -> None:
    folder = write_sentence_folder(tmp_path / "one,two")
    assert PassageEncoder.from_pretrained(str(folder), bf16=False).config.is_shared


def test_a_file_and_an_empty_folder_are_no_encoders(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="is no passage encoder; it holds nothing"):
        PassageEncoder.from_pretrained(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(EncoderError, match="There is no encoder folder"):
        PassageEncoder.from_pretrained(str(tmp_path / "file"))
