"""The roofline: bare reads against numpy, cases that fit their bytes, and the printed table."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import roofline
from benchmarks.bare_reads import read_ranges, read_rows
from benchmarks.roofline_cases import CASES, Case


@pytest.mark.parametrize("function", [read_ranges, read_ranges.py_func], ids=["compiled", "python"])
@pytest.mark.parametrize(("streams", "ahead"), [(1, 0), (2, 16), (4, 5), (8, 64)])
def test_every_word_of_the_ranges_is_read_once(streams: int, ahead: int, function: object) -> None:
    words = np.random.default_rng(0).integers(-(2**40), 2**40, 8 * 200)
    lines = words.view(np.int8).reshape(-1, 64)
    ranges = np.array([[0, 7], [7, 7], [9, 199]])
    expected = sum(int(words[8 * begin : 8 * end].sum()) for begin, end in ranges)
    assert function(lines, words, ranges, streams, ahead) == expected  # type: ignore[operator]


@pytest.mark.parametrize("function", [read_rows, read_rows.py_func], ids=["compiled", "python"])
@pytest.mark.parametrize("ahead", [0, 2, 100])
def test_the_selected_rows_are_read(ahead: int, function: object) -> None:
    words = np.random.default_rng(0).integers(-(2**40), 2**40, (30, 3))
    rows = np.array([4, 29, 4, 0])
    assert function(words.view(np.int8), words, rows, ahead) == words[rows].sum()  # type: ignore[operator]


def test_ranges_of_all_questions_are_apart() -> None:
    codes = np.zeros((400_000, 64), np.int8)
    case = next(iter(CASES["scan"](codes, 3, np.random.default_rng(0))))
    questions = case.bytes // (64 * 64 * 2500)  # 64 ranges of 2,500 rows on average
    assert questions == 2
    assert case.bytes <= codes.nbytes


def test_rates_are_those_of_the_fastest_bare_read(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def lasts(seconds: float) -> object:
        return lambda: now.__setitem__(0, now[0] + seconds)

    monkeypatch.setattr(roofline.time, "perf_counter", lambda: now[0])
    case = Case("scan", 64, 10**9, lasts(2), {"slow": lasts(4), "fast": lasts(1)}, lasts(8))  # type: ignore[arg-type]
    assert roofline.measure(case, 3) == roofline.Rates(0.5, 1.0, "fast", 0.125)


def test_the_table_has_a_row_for_each_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "plot.svg"
    arguments = ["--gigabytes", "0.02", "--widths", "64", "--k", "5", "--repeats", "1", "--folder", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["roofline", *arguments, *(["--plot", str(plot)] if _has_matplotlib() else [])])
    roofline.main()
    printed = capsys.readouterr().out
    rows = [line.split(" | ")[0].removeprefix("| ") for line in printed.splitlines() if line.startswith("| ")][1:]
    assert rows == [
        *("scan", "scan_batch of 2", "scan_batch of 8"),
        *("gather_dots, random rows", "gather_dots, ascending rows"),
    ]
    assert "page cache warm" in printed
    assert plot.is_file() == _has_matplotlib()


def test_too_few_rows_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["roofline", "--gigabytes", "0.001", "--folder", str(tmp_path)])
    with pytest.raises(SystemExit, match="more gigabytes"):
        roofline.main()


def _has_matplotlib() -> bool:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True
