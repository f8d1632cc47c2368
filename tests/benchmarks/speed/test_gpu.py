"""The comparison of devices, with the processor on both sides: a fake CUDA device is told from it by its name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.speed import gpu
from densephrase import PhraseIndex
from densephrase.build_index.lists import cuda_assignment
from densephrase.encoder.phrase import phrase_encoder
from tests.build_index.samples import random_documents, write_corpus
from tests.faiss_on_cuda import FakeGpuFaiss


@pytest.fixture
def arguments(tmp_path: Path, tiny_encoder_path: Path) -> list[str]:
    corpus = write_corpus(tmp_path / "docs.jsonl", random_documents(12))
    questions = tmp_path / "questions.jsonl"
    rows = [{"question": text, "answers": ["Paris"]} for text in ("Who was born in 1905?", "Which river?", "Hamlet")]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return ["gpu", str(corpus), str(questions), "--encoder", str(tiny_encoder_path), "--repeats", "2"]


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> FakeGpuFaiss:
    """Let "cuda" be a device."""

    class Cuda:
        type = "cuda"

    monkeypatch.setattr(gpu, "find_device", lambda name: Cuda)
    for module in (phrase_encoder, cuda_assignment):
        monkeypatch.setattr(module, "find_device", lambda name: torch.device("cpu"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda name: f"a fake called {name}")
    return FakeGpuFaiss().install(monkeypatch)


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["table", "json"])
def test_both_devices_are_measured_and_agree(
    form: list[str],
    arguments: list[str],
    device: FakeGpuFaiss,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [*arguments, *form])
    gpu.main()
    out = capsys.readouterr().out
    assert device.placed
    if not form:
        assert [line.split(" | ")[0] for line in out.splitlines()[2:5]] == [
            "| documents built/s",
            "| lists, seconds",
            "| questions/s",
        ]
        return
    facts = json.loads(out)
    assert (facts["same_first_answer"], facts["questions"], facts["documents"]) == (1.0, 3, 12)
    assert facts["device"] == "a fake called cuda"
    for figures in (*facts["seconds"].values(), facts["documents_per_second"], facts["questions_per_second"]):
        assert figures.keys() == {"cpu", "cuda"}
        assert min(figures.values()) > 0


def test_different_answers_are_not_timed(
    arguments: list[str], device: FakeGpuFaiss, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = PhraseIndex.search

    def spoilt(index: PhraseIndex, questions: Any, *options: Any) -> Any:
        found: Any = search(index, questions, *options)
        return [[] for _ in found] if index._device == "cuda" else found

    monkeypatch.setattr(PhraseIndex, "search", spoilt)
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit, match=r"Only 0\.0% of the questions have the same first answer on cpu and cuda"):
        gpu.main()


@pytest.mark.parametrize(
    ("name", "message"),
    [("cuda:99", "'cuda:99' is not available"), ("cpu", "'cpu' is no CUDA device"), ("none", "no device 'none'")],
)
def test_without_a_device_one_line_says_so(
    name: str, message: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [*arguments, "--device", name])
    with pytest.raises(SystemExit, match=rf"^Nothing to measure\. .*{message}"):
        gpu.main()
