"""An index that is searched in forked and spawned processes, in threads and from asyncio, each in a process of its own.

The process is one of its own because what goes wrong here hangs or kills it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import densephrase
from densephrase import PhraseIndex
from densephrase.encoder import device as device_module
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import DeviceError

LIST_THREADS = 2  # so that a list needs the threads of numba and those of the encoder, whatever the machine has
COMMON = """
import sys
from densephrase import PhraseIndex
QUESTIONS = [f"who was king {number} of the city by the river" for number in range(40)]
def texts(index):
    alone = [answer.text for answer in index.search(QUESTIONS[0])]
    together = [[answer.text for answer in answers] for answers in index.search(QUESTIONS)]
    assert alone == together[0] and len(together) == len(QUESTIONS) and alone
    return together
def opened():
    return PhraseIndex.open(sys.argv[1], runtime=sys.argv[2], threads=THREADS)
""".replace("THREADS", str(LIST_THREADS))
FORK = """
import multiprocessing, threading
index = opened()
BEFORE
def child(answers):
    answers.put(texts(index))
context = multiprocessing.get_context("fork")
answers = context.Queue()
children = [context.Process(target=child, args=(answers,)) for _ in range(2)]
for process in children:
    process.start()
found = [answers.get(timeout=120) for _ in children]
for process in children:
    process.join()
    assert process.exitcode == 0
assert found == [texts(index)] * 2
"""
BEFORE_FORK = {
    "nothing": "",
    "one question": "index.search(QUESTIONS[0])",
    "a list": "texts(index)",
    "a list in a thread": "thread = threading.Thread(target=texts, args=(index,)); thread.start(); thread.join()",
}
SPAWN = """
import multiprocessing
def child(answers):
    answers.put(texts(opened()))
if __name__ == "__main__":
    expected = texts(opened())
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=child, args=(answers,))
    process.start()
    assert answers.get(timeout=120) == expected
    process.join()
    assert process.exitcode == 0
"""
THREADS = """
from concurrent.futures import ThreadPoolExecutor
index = opened()
with ThreadPoolExecutor(4) as pool:
    found = list(pool.map(lambda _: texts(index), range(8)))
assert found == [texts(index)] * 8
"""
ASYNCIO = """
import asyncio
index = opened()
async def ask():
    loop = asyncio.get_running_loop()
    return await asyncio.gather(*(loop.run_in_executor(None, texts, index) for _ in range(6)))
assert asyncio.run(ask()) == [texts(index)] * 6
"""


@pytest.fixture(scope="module")
def index_path(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: PhraseEncoder) -> Path:
    folder = tmp_path_factory.mktemp("processes")
    paragraphs = (f"king {number} of the city was born in paris in 19{number}" for number in range(10, 60))
    (folder / "a.txt").write_text("\n\n".join(paragraphs), encoding="utf-8")
    PhraseIndex.build(folder / "a.txt", folder / "index", encoder=tiny_encoder).close()
    return folder / "index"


def run(code: str, index: Path, runtime: str) -> None:
    """Run code in a process of two numba threads; it fails where it hangs or says anything."""
    script = index.parent / "script.py"  # a file, because spawned processes import it
    script.write_text(COMMON + code, encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"},
        "PYTHONPATH": str(Path(densephrase.__file__).parent.parent),
        "NUMBA_NUM_THREADS": str(LIST_THREADS),
    }
    command = [sys.executable, str(script), str(index), runtime]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("runtime", ["onnx", "torch"])
@pytest.mark.parametrize("before", BEFORE_FORK.values(), ids=BEFORE_FORK.keys())
def test_forked_processes_share_an_index(index_path: Path, before: str, runtime: str) -> None:
    run(FORK.replace("BEFORE", before), index_path, runtime)


@pytest.mark.slow
@pytest.mark.parametrize("code", [SPAWN, THREADS, ASYNCIO], ids=["spawn", "threads", "asyncio"])
def test_other_ways_to_work_at_once(index_path: Path, code: str) -> None:
    run(code, index_path, "onnx")


def test_only_a_cuda_device_is_refused_after_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    device_module.check_process(torch.device("cuda"))
    monkeypatch.setattr(device_module, "_PROCESS", os.getpid() + 1)
    threads = torch.get_num_threads()
    device_module.check_process(torch.device("cpu"))
    torch.set_num_threads(threads)
    with pytest.raises(DeviceError, match="loaded on 'cuda' before this process was forked .*'spawn'"):
        device_module.check_process(torch.device("cuda"))
