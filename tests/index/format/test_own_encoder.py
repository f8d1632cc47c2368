"""An index answers with the encoder that it was built with, or not at all; no other place is asked."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest

from densephrase import PhraseIndex
from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.files.location import find_encoder_folder, fingerprint_of
from densephrase.errors import EncoderError, IndexFormatError
from densephrase.index.verify import verify
from tests.conftest import make_encoder

DOCUMENTS = [
    {"id": "paris", "text": "Paris lies on a river.\n\nThe king was born in the city."},
    {"id": "war", "text": "The war was in the year of the queen."},
]
QUESTION = "where was the king born"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, tiny_encoder_path: Path) -> Path:
    """An index, to be read only."""
    folder = tmp_path_factory.mktemp("own")
    corpus = folder / "corpus.jsonl"
    corpus.write_text("".join(json.dumps(document) + "\n" for document in DOCUMENTS), encoding="utf-8")
    PhraseIndex.build(corpus, folder / "index", tiny_encoder_path).close()
    return folder / "index"


@pytest.fixture
def index(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that a test may damage; whoever asks the hub fails."""

    def asked(name: str, **_: object) -> str:
        raise AssertionError(f"the hub was asked for {name}")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", asked)
    return Path(shutil.copytree(built, tmp_path / "index"))


def renew_confidence(index: Path) -> None:
    """Give the index's encoder another confidence, as `calibrate` does."""
    fitted = {"open": {"bias": -0.5, "weights": {"margin": 0.25}}}
    replace(EncoderConfig.load(index / "encoder"), confidence=fitted).save(index / "encoder")


def forget_settings(index: Path) -> None:
    """Make the manifest one of a former version, which recorded fingerprint and checksums only."""
    path = index / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["encoder"]["settings"], content["checksum"]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    content["checksum"] = hashlib.sha256(canonical.encode()).hexdigest()
    path.write_text(json.dumps(content), encoding="utf-8")


def test_the_working_directory_may_change_before_the_first_search(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = PhraseIndex.open(index).search(QUESTION)
    monkeypatch.chdir(index.parent)
    opened = PhraseIndex.open("index")
    with_other = PhraseIndex.open("index", encoder="index/encoder")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert opened.search(QUESTION) == expected
    assert with_other.search(QUESTION) == expected


def test_an_index_without_its_encoder_is_not_opened(index: Path) -> None:
    shutil.rmtree(index / "encoder")
    with pytest.raises(IndexFormatError, match="the index lost its folder 'encoder'"):
        PhraseIndex.open(index)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_lost_file_of_the_encoder_is_named(index: Path, name: str) -> None:
    (index / "encoder" / name).unlink()
    with pytest.raises(IndexFormatError, match=f"lost encoder/{name}"):
        PhraseIndex.open(index)


def test_an_index_that_was_renamed_before_the_first_search_says_so(index: Path, tmp_path: Path) -> None:
    opened = PhraseIndex.open(index)
    index.rename(tmp_path / "renamed")
    with pytest.raises(IndexFormatError, match="the index lost its folder 'encoder'"):
        opened.search(QUESTION)
    assert PhraseIndex.open(tmp_path / "renamed").search(QUESTION)


def put_another(index: Path) -> None:
    make_encoder(max_answer_tokens=5).save_pretrained(index / "encoder")


def damage_tokenizer(index: Path) -> None:
    path = index / "encoder" / "tokenizer.json"
    path.write_bytes(path.read_bytes() + b"\n")


def damage_setting(index: Path) -> None:
    replace(EncoderConfig.load(index / "encoder"), max_question_tokens=12).save(index / "encoder")


@pytest.mark.parametrize("change", [put_another, damage_tokenizer, damage_setting])
def test_another_encoder_in_its_place_is_refused(index: Path, change: Callable[[Path], None]) -> None:
    before = fingerprint_of(index / "encoder")
    change(index)
    opened = PhraseIndex.open(index)
    with pytest.raises(IndexFormatError, match="not the encoder that the index was built with") as caught:
        opened.search(QUESTION)
    assert before in str(caught.value)
    assert fingerprint_of(index / "encoder") in str(caught.value)
    assert verify(index)


def test_the_confidence_may_be_fitted_again(index: Path) -> None:
    renew_confidence(index)
    [answer] = PhraseIndex.open(index).search(QUESTION, top_k=1)
    assert answer.confidence is not None
    assert verify(index) == []


def test_an_index_of_a_former_version_opens_with_its_encoder_as_it_was(index: Path) -> None:
    forget_settings(index)
    assert PhraseIndex.open(index).search(QUESTION)
    renew_confidence(index)
    with pytest.raises(IndexFormatError, match=r"different: config\.json"):
        PhraseIndex.open(index).search(QUESTION)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_folders_may_have_names_that_are_no_text(built: Path, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    shutil.copytree(built, folder)
    expected = PhraseIndex.open(built).search(QUESTION)
    assert PhraseIndex.open(folder).search(QUESTION) == expected
    assert PhraseIndex.open(built, encoder=folder / "encoder", runtime="torch").search(QUESTION)
    PhraseIndex.build(built.parent / "corpus.jsonl", tmp_path / os.fsdecode(b"new\xe9"), folder / "encoder").close()
    assert verify(tmp_path / os.fsdecode(b"new\xe9")) == []


def test_an_index_is_verified_by_a_relative_path(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(index.parent)
    assert verify("index") == []


@pytest.mark.parametrize("name", ["somebody/encoder", "x" * 300, "no\0name"], ids=["id", "long", "nul"])
def test_a_path_is_never_a_hub_id(index: Path, name: str) -> None:
    with pytest.raises(EncoderError, match="There is no encoder folder"):
        find_encoder_folder(Path(name))


def test_a_file_is_no_hub_id(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(index)
    with pytest.raises(EncoderError, match="There is no encoder folder"):
        find_encoder_folder("encoder/config.json")


def test_a_link_that_is_turned_later_leads_nowhere_else(index: Path, tmp_path: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to(index)
    opened = PhraseIndex.open(link)
    link.unlink()
    os.mkdir(link)
    assert opened.search(QUESTION)
