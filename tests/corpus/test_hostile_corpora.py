"""Files that would hang a build, fill its memory or end it in another error than CorpusError."""

import gzip
import json
import os
import socket
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from densephrase.corpus.reader import read_corpus
from densephrase.errors import CorpusError

ROOT = Path(__file__).resolve().parents[2]
LINE = '{"id": %s, "text": "x"}\n'


def ids(path, **options):
    return [document.id for document in read_corpus(path, **options)]


def failure(path, **options):
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(path, **options))
    return str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv", "a.txt", "a.md", "a.json", "a.txt.gz"])
def test_a_named_pipe_does_not_wait_for_a_writer(write, tmp_path, name, read_skipping):
    os.mkfifo(tmp_path / name)
    assert failure(tmp_path / name).startswith(f"{tmp_path / name}: the file cannot be read (it is a named pipe")
    write("z.txt", "x")
    documents, skipped = read_skipping(tmp_path)
    assert ([document.id for document in documents], len(skipped)) == (["z.txt"], 1)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices here")
def test_a_link_to_a_device_is_refused(tmp_path):
    os.symlink("/dev/zero", tmp_path / "a.txt")
    assert "it is a device; only regular files are read" in failure(tmp_path / "a.txt")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no sockets with names here")
def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the names of sockets must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("a.txt")
        assert "it is a socket; only regular files are read" in failure(tmp_path / "a.txt")


TEXT = "word " * 400
LARGE = {
    "a.jsonl": json.dumps({"id": "large", "text": TEXT}) + "\n" + LINE % '"z"',
    "a.csv": f'id,text\nlarge,"{TEXT}"\nz,x\n',
    "a.tsv": f"id\ttext\nlarge\t{TEXT}\nz\tx\n",
    "a.json": json.dumps({"data": [{"title": "large", "paragraphs": [{"context": TEXT}]}]}),
    "a.txt": TEXT,
    "a.md": TEXT,
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("zipped", ["", ".gz"])
def test_a_document_may_have_so_many_bytes_and_more_on_demand(write, name, zipped):
    path = write(name + zipped, LARGE[name])
    message = failure(path, document_bytes=1_000)
    assert "has more than 1,000 bytes" in message
    assert "--document-bytes" in message
    assert len(ids(path, document_bytes=3_000)) == len(ids(path)) > 0


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv"])
def test_what_follows_a_large_record_is_read(write, name):
    skipped = []
    path = write(name, LARGE[name])
    assert ids(path, skip_bad=True, on_skip=skipped.append, document_bytes=1_000) == ["z"]
    assert [str(error).split(":")[0] for error in skipped] == [f"{path}, line {1 + ('json' not in name)}"]


def test_a_row_of_many_lines_is_cut_off_where_it_is_too_large(write):
    path = write("a.csv", 'id,text\na,x\nb,"never closed\n' + "1,2,3\n" * 1_000 + "z,y\n")
    skipped = []
    assert ids(path, skip_bad=True, on_skip=skipped.append, document_bytes=1_000)[:1] == ["a"]
    assert str(skipped[0]).startswith(f"{path}, line 3: the row that begins here has more than 1,000 bytes")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.json", "a.txt"])
def test_a_file_without_end_takes_no_memory(tmp_path, name):
    path = tmp_path / name
    path.touch()
    os.truncate(path, 1 << 40)
    tracemalloc.start()
    try:
        message = failure(path, document_bytes=1_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert message.startswith(str(path))
    assert peak < 10_000_000


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz", "a.json.gz"])
def test_a_bomb_of_blank_lines_is_refused_unless_that_many_bytes_are_allowed(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"\n" * 1_000_000))
    assert "200 times its size" in failure(path, document_bytes=1_000)
    assert "200 times" not in failure(path)


def test_a_folder_may_be_deeper_than_the_stack(tmp_path):
    folders = [tmp_path]
    for _ in range(1_500):
        folders.append(folders[-1] / "d")
        folders[-1].mkdir()
    file = folders[-1] / "a.txt"
    try:
        file.write_text("x")
    except OSError:
        pytest.skip("paths must be shorter here")
    try:
        assert ids(tmp_path) == ["d/" * 1_500 + "a.txt"]
    finally:  # by hand, because whoever clears temporary folders recurses
        file.unlink()
        for folder in reversed(folders[1:]):
            folder.rmdir()


@pytest.mark.skipif(os.mkdir not in os.supports_dir_fd, reason="no folders relative to others here")
def test_a_folder_whose_path_is_too_long_is_an_error(tmp_path):
    name, folders = "d" * 200, [os.open(tmp_path, os.O_RDONLY)]
    try:
        for _ in range(25):
            os.mkdir(name, dir_fd=folders[-1])
            folders.append(os.open(name, os.O_RDONLY, dir_fd=folders[-1]))
        assert "the folder cannot be read (File name too long)" in failure(tmp_path)
    finally:
        for folder in reversed(folders[:-1]):
            os.rmdir(name, dir_fd=folder)
        for folder in folders:
            os.close(folder)


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".txt", "a\0b.txt", "\udce9.txt", "a\nb.txt"], ids=["long", "NUL", "not UTF-8", "line feed"]
)
def test_a_path_that_cannot_be_is_an_error(tmp_path, name):
    expected = "this is no path of a file or folder" if len(name) > 255 else "there is no such file or folder"
    assert expected in failure(tmp_path / name)


def test_a_link_in_a_circle_is_an_error(write, tmp_path):
    os.symlink("a.txt", tmp_path / "a.txt")
    write("b.txt", "x")
    assert "cannot be read" in failure(tmp_path)
    failure(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("[" * 100_000, "nested too deeply", id="open-lists"),
        pytest.param("[" * 100_000 + "]" * 100_000, "nested too deeply", id="deep-lists"),
        pytest.param('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply", id="deep-objects"),
        pytest.param("[" * 200 + "]" * 200, "nested more than 100 levels deep", id="deeper-than-can-be-read-back"),
        pytest.param("1" * 100_000, "digits", id="digits"),
        pytest.param("-" + "1" * 100_000, "digits", id="digits-below-0"),
        pytest.param("1e999", "too large", id="infinite"),
        pytest.param("1" * 400 + ".0", "too large", id="infinite-digits"),
        pytest.param("NaN", "NaN is not JSON", id="nan"),
        pytest.param('"\\ud800"', "surrogate", id="lone-surrogate"),
    ],
)
@pytest.mark.parametrize("form", ["a.jsonl", "a.json"])
def test_json_that_python_cannot_hold(write, form, value, expected):
    if form == "a.jsonl":
        content = f'{{"id": "a", "text": "x", "more": {value}}}\n'
    else:
        content = f'{{"data": [{{"title": "a", "paragraphs": [{{"context": "x"}}], "more": {value}}}]}}'
    message = failure(write(form, content))
    assert expected in message
    assert len(message) < 2_000


def test_a_number_of_many_digits_as_id(write):
    assert "digits" in failure(write("a.jsonl", LINE % ("1" * 100_000)))


def test_a_header_of_many_columns_is_checked_in_linear_time(write):
    names = [f"c{number}" for number in range(300_000)]
    message = failure(write("a.csv", ",".join(["id", "text", *names, "c299999"]) + "\n"))
    assert "the header names the column 'c299999' twice" in message
    assert len(message) < 2_000
    assert "no column 'id'" in failure(write("b.csv", ",".join(names) + "\n"))


def test_a_title_that_comes_back_often_gets_its_number_in_linear_time(write):
    article = {"title": "A", "paragraphs": [{"context": "x"}]}
    found = ids(write("a.json", json.dumps({"data": [article] * 30_000})))
    assert (found[0], found[-1], len(set(found))) == ("A", "A (30000)", 30_000)


LITTLE_MEMORY = """
import resource, sys
from densephrase.corpus.reader import read_corpus
from densephrase.corpus.questions.reader import read_questions
resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))
for read, path in ((lambda path: list(read_corpus(path)), sys.argv[1]), (read_questions, sys.argv[2])):
    try:
        read(path)
    except ValueError as error:
        print(type(error).__name__, "memory" in str(error))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is that of Linux")
@pytest.mark.parametrize("name", ["jsonl", "json", "csv", "txt"])
def test_what_does_not_fit_into_memory_is_an_error(tmp_path, name):
    many = "[]," * 5_000_000
    row = '{"id": "a", "text": "x", "question": "x", "answers": [], "more": [' + many + "1]}"
    content = {
        "jsonl": (row, row),
        "json": ('{"data": [' + row + "]}", f"[{row}]"),
        "csv": ("id,text\n" + "," * 50_000_000, "who\t[" + "'a'," * 10_000_000 + "]"),
        "txt": ("x" * 90_000_000, "who\t[" + "'a'," * 10_000_000 + "]"),
    }[name]
    for path, text in zip(("a", "q"), content, strict=True):
        (tmp_path / f"{path}.{name}").write_text(text)
    paths = [str(tmp_path / f"{path}.{name}") for path in ("a", "q")]
    done = subprocess.run([sys.executable, "-c", LITTLE_MEMORY, *paths], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("CorpusError True\nQuestionError True\n", "")


def test_an_error_is_short_however_long_the_id_is(write):
    assert len(failure(write("a.jsonl", json.dumps({"id": "x" * 1_000_000})))) < 2_000
