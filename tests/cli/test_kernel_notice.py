"""What is said while kernels are compiled."""

from __future__ import annotations

import logging
import sys

import pytest

from densephrase.cli import kernel_notice as module
from densephrase.cli.kernel_notice import kernel_notice

KERNELS = logging.getLogger("densephrase.kernels.lowlevel.machine_code")


def test_the_first_kernel_is_told_then_how_many(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = iter([100.0, 101.0, 106.0, 107.0, 112.0])
    monkeypatch.setattr(module, "monotonic", lambda: next(times))
    monkeypatch.delitem(sys.modules, "tqdm", raising=False)
    with kernel_notice():
        for number in range(5):
            KERNELS.info("compiling the kernel %s", number)
    KERNELS.info("compiling the kernel that nobody waits for")
    assert capsys.readouterr().err.splitlines() == [
        "compiling kernels for this processor, which takes about half a minute the first time ...",
        "compiling kernels: 2 of about 90 after 6 s",
        "compiling kernels: 4 of about 90 after 12 s",
    ]


def test_warnings_are_written_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with kernel_notice():
        KERNELS.warning("kept in %s", "/tmp")
    assert capsys.readouterr().err == "warning: kept in /tmp\n"


def test_nothing_is_said_where_nothing_is_compiled(capsys: pytest.CaptureFixture[str]) -> None:
    with kernel_notice():
        pass
    assert capsys.readouterr().err == ""
