"""A build with a real (tiny) encoder: what it stores is what the encoder says, and stopping it changes nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.data import Document
from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.index.index_reader import IndexReader
from densephrase.index.verify import verify
from tests.build_index.samples import file_hashes, random_documents, write_corpus

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = BuildOptions(shard_characters=800, flat_limit=100, lists=4)

_BUILD = """
import sys, time
from densephrase.build_index.run.options import BuildOptions
from densephrase.build_index.pipeline import build
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder

encoder = PhraseEncoder.from_pretrained(sys.argv[3], bf16=False)
encode = encoder.encode_paragraphs
encoder.encode_paragraphs = lambda paragraphs: time.sleep(0.2) or encode(paragraphs)  # time enough to be killed
build(sys.argv[1], sys.argv[2], encoder=encoder, options=BuildOptions(shard_characters=800, flat_limit=100, lists=4))
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, corpus: Path, tiny_encoder: PhraseEncoder) -> Path:
    path = tmp_path_factory.mktemp("real") / "index"
    build(corpus, path, encoder=tiny_encoder, options=OPTIONS)
    return path


def test_the_index_verifies(index: Path) -> None:
    assert verify(index) == []


def test_the_copied_encoder_is_the_encoder(index: Path, tiny_encoder: PhraseEncoder) -> None:
    reader = IndexReader.open(index)
    copied = PhraseEncoder.from_pretrained(reader.encoder_path, bf16=False)
    assert copied.fingerprint == tiny_encoder.fingerprint == reader.manifest.encoder.fingerprint


def test_stored_rows_are_the_encoders(index: Path, tiny_encoder: PhraseEncoder) -> None:
    shard = IndexReader.open(index).shards[0]
    documents = random_documents(24)[: shard.counts.documents]
    inputs = [
        ParagraphInput(paragraph.text, document.title)
        for document in documents
        for paragraph in tiny_encoder.split_paragraphs([document.text])[0]
    ]
    encoded = tiny_encoder.encode_paragraphs(inputs)
    assert shard.counts.tokens == sum(item.tokens for item in encoded) > 0
    assert np.array_equal(shard.start_codes, np.concatenate([item.start_codes for item in encoded]))
    assert np.array_equal(shard.end_codes, np.concatenate([item.end_codes for item in encoded]))
    assert np.array_equal(shard.start_token, np.concatenate([item.start_token for item in encoded]))
    assert np.array_equal(shard.end_token, np.concatenate([item.end_token for item in encoded]))


def test_no_paragraph_is_longer_than_a_window(tmp_path: Path, tiny_encoder: PhraseEncoder) -> None:
    sentence = "The miller of {} was born by the river in the year {}."
    text = " ".join(sentence.format(name, year) for year, name in enumerate(["Aas", "Malmo\u0308", "Tarn"] * 20, 1900))
    documents = [Document("line", text, "Mills"), Document("word", "x" * 3000), Document("short", "By the river.")]
    index = tmp_path / "index"
    build(write_corpus(tmp_path / "docs.jsonl", documents), index, encoder=tiny_encoder, options=OPTIONS)
    reader = IndexReader.open(index)
    assert [reader.document(row) for row in range(3)] == documents
    tokens = np.concatenate([shard.paragraph_tokens for shard in reader.shards])
    assert len(tokens) > 60
    assert tokens.max() <= tiny_encoder.config.window_capacity
    assert verify(index) == []


def test_kill_9(tmp_path: Path, corpus: Path, tiny_encoder_path: Path) -> None:
    command = [sys.executable, "-c", _BUILD, str(corpus)]
    subprocess.run([*command, str(tmp_path / "whole"), str(tiny_encoder_path)], cwd=ROOT, check=True)
    killed = tmp_path / "killed"
    with subprocess.Popen([*command, str(killed), str(tiny_encoder_path)], cwd=ROOT) as process:
        while not (killed / "build-state" / "shard-00000.json").exists() and process.poll() is None:
            time.sleep(0.001)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    subprocess.run([*command, str(killed), str(tiny_encoder_path)], cwd=ROOT, check=True)
    assert file_hashes(killed) == file_hashes(tmp_path / "whole")
