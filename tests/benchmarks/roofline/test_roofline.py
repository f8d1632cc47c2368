"""The roofline: bare reads against numpy, cases that fit their bytes, and the printed table."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.roofline import roofline, roofline_cases
from benchmarks.roofline.bare_reads import read_ranges, read_rows
from benchmarks.roofline.roofline_cases import CASES, Case, top_k_cases
from benchmarks.roofline.roofline_index import INDEX_CASES


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
    monkeypatch.setattr(roofline_cases, "SCORES", 4_000)
    arguments = ["--gigabytes", "0.02", "--widths", "64", "--k", "5", "--repeats", "1", "--folder", str(tmp_path)]
    printed = _run([*arguments, *(["--plot", str(plot)] if _has_matplotlib() else [])], monkeypatch, capsys)
    assert _rows(printed) == [
        *("scan", "scan of short ranges", "scan_look_ups", "scan_batch of 2", "scan_batch of 8"),
        *("gather_dots, random rows", "gather_dots, ascending rows"),
        *("top_k, 100 of 400", "top_k, 300 of 1,300"),
    ]
    assert "page cache warm" in printed
    for name in INDEX_CASES:
        assert f"Not measured: {name} (it needs --index and --questions)." in printed
    assert plot.is_file() == _has_matplotlib()


def test_over_an_index_its_own_columns_are_read(
    small_index: Path, questions_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--index", str(small_index), "--questions", str(questions_file), "--limit", "3", "--repeats", "1"]
    printed = _run([*arguments, "--kernels", "scan", *INDEX_CASES], monkeypatch, capsys)
    assert _rows(printed) == ["best ends", "sparse rows", "BM25 by MaxScore"]
    assert "codes are the inverted lists of index" in printed
    assert re.search(r"Not measured: scan \([\d,]+ rows are too few for a question of 64 ranges", printed)


def test_top_k_reads_all_scores_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline_cases, "SCORES", 4_000)
    cases = list(top_k_cases(np.random.default_rng(0)))
    assert [case.bytes for case in cases] == [8 * 4_000, 8 * 3_900]


def _run(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(sys, "argv", ["roofline", *arguments])
    roofline.main()
    return capsys.readouterr().out


def _rows(printed: str) -> list[str]:
    return [line.split(" | ")[0].removeprefix("| ") for line in printed.splitlines() if line.startswith("| ")][1:]


def _has_matplotlib() -> bool:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True
