"""What the corpus tests share."""

import gzip

import pytest

from densephrase.corpus.reader import read_corpus
from densephrase.errors import CorpusError


@pytest.fixture
def write(tmp_path):
    """Write text or bytes below tmp_path (zipped if the name ends in .gz) and return the path."""

    def write(name, content):
        raw = content if isinstance(content, bytes) else content.encode("utf-8")
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return write


@pytest.fixture
def fails(write):
    """Read a file that has an error and return the error's message."""

    def fails(name, content):
        path = write(name, content)
        with pytest.raises(CorpusError) as caught:
            list(read_corpus(path))
        message = str(caught.value)
        assert message.startswith(str(path))
        return message.removeprefix(str(path))

    return fails


@pytest.fixture
def read_skipping():
    """Read with skip_bad; return the documents and the messages of what was skipped."""

    def read_skipping(path):
        skipped = []
        documents = list(read_corpus(path, skip_bad=True, on_skip=lambda error: skipped.append(str(error))))
        return documents, skipped

    return read_skipping
