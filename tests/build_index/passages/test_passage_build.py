"""A corpus to an index of passages: the rows are those of a phrase index, and equal inputs give equal bytes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.build_index.passages import passage_shard
from densephrase.build_index.passages.passage_options import PassageBuildOptions
from densephrase.build_index.passages.passage_pipeline import build_passages
from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.build_index.run.progress import Progress
from densephrase.data import Document
from densephrase.encoder.encoded import ParagraphInput
from densephrase.errors import BuildError, CorpusError, DiskSpaceError, IndexFormatError
from densephrase.index.index_reader import IndexReader
from densephrase.index.passages.passage_manifest import PassageManifest
from densephrase.index.passages.passage_reader import PassageReader
from densephrase.index.verify import verify
from tests.build_index.samples import file_hashes, random_documents, write_corpus
from tests.index.passages.fake_passage_encoder import FakePassageEncoder
from tests.search.fake_encoder import FakeEncoder

ROOT = Path(__file__).resolve().parents[3]
OPTIONS = PassageBuildOptions(shard_characters=800)
DOCUMENTS = random_documents(24)


def made(corpus: Any, path: Path, encoder: Any = None, **options: Any) -> Path:
    """Build an index of passages, by default of terms only."""
    build_passages(corpus, path, encoder=encoder, options=PassageBuildOptions(shard_characters=800, **options))
    return path


def paragraphs(reader: Any) -> list[tuple[str, int, int, int]]:
    """Return (document, start, end, tokens) of every paragraph of an index of either kind."""
    return [
        (shard.document_ids[int(shard.paragraph_document[row])], *values)
        for shard in reader.shards
        for row, values in enumerate(
            zip(
                shard.paragraph_start.tolist(),
                shard.paragraph_end.tolist(),
                shard.paragraph_tokens.tolist(),
                strict=True,
            )
        )
    ]


@pytest.mark.parametrize("lists", [{}, {"flat_limit": 10, "lists": 4}], ids=["flat", "lists"])
def test_two_builds_give_equal_bytes(tmp_path: Path, lists: dict[str, int]) -> None:
    first = made(DOCUMENTS, tmp_path / "a", FakePassageEncoder(), **lists)
    second = made(iter(DOCUMENTS), tmp_path / "b", FakePassageEncoder(), **lists)
    assert file_hashes(first) == file_hashes(second)
    assert verify(first) == []
    assert PassageManifest.load(first).segments[0].ann.lists == lists.get("lists", 0)


def test_a_file_a_folder_and_documents_give_equal_bytes(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    file = write_corpus(tmp_path / "folder" / "docs.jsonl", DOCUMENTS)
    expected = file_hashes(made(DOCUMENTS, tmp_path / "a"))
    assert file_hashes(made(file, tmp_path / "b")) == expected
    assert file_hashes(made(str(tmp_path / "folder"), tmp_path / "c")) == expected


@pytest.mark.parametrize("profile", ["default", "compact"])
def test_the_paragraphs_of_a_phrase_index_are_taken(tmp_path: Path, profile: Any) -> None:
    options = BuildOptions(shard_characters=600, profile=profile)
    phrases = FakeEncoder(capacity=10, sparc_size=8)
    build(DOCUMENTS, tmp_path / "phrases", encoder=phrases, options=options)  # type: ignore[arg-type]
    source = IndexReader.open(tmp_path / "phrases")
    reader = PassageReader.open(made(tmp_path / "phrases", tmp_path / "passages", FakePassageEncoder()))
    assert paragraphs(reader) == paragraphs(source)
    assert reader.count > len(DOCUMENTS)
    assert [reader.document(row) for row in range(24)] == DOCUMENTS
    assert reader.manifest.cutting.capacity == phrases.config.window_capacity
    assert verify(reader.path) == []


def test_an_index_of_passages_is_a_corpus_too(tmp_path: Path) -> None:
    first = made(DOCUMENTS, tmp_path / "terms")
    again = made(first, tmp_path / "again")
    assert file_hashes(again) == file_hashes(first)
    with_vectors = made(first, tmp_path / "vectors", FakePassageEncoder())
    assert file_hashes(with_vectors) == file_hashes(made(DOCUMENTS, tmp_path / "direct", FakePassageEncoder()))


def test_a_damaged_phrase_index_is_refused(tmp_path: Path) -> None:
    build(DOCUMENTS, tmp_path / "phrases", encoder=FakeEncoder())  # type: ignore[arg-type]
    (tmp_path / "phrases" / "segments" / "000001" / "terms.h5").unlink()
    with pytest.raises(IndexFormatError, match=r"terms\.h5: the file is missing"):
        made(tmp_path / "phrases", tmp_path / "passages")
    assert not (tmp_path / "passages").exists()


def test_long_texts_are_cut_as_the_default_encoder_cuts_them(tmp_path: Path) -> None:
    sentences = " ".join(f"The town hall number {number} was built of red brick." for number in range(200))
    documents = [Document("long", f"{sentences}\n\nA short one.", "Halls"), *DOCUMENTS[:2]]
    reader = PassageReader.open(made(documents, tmp_path / "index"))
    rows = [row for row in paragraphs(reader) if row[0] == "long"]
    capacity = reader.manifest.cutting.capacity
    assert len(rows) > 5
    assert all(0 < tokens <= capacity for _, _, _, tokens in rows)
    assert all(documents[0].text[:end].rstrip().endswith(".") for _, _, end, _ in rows)


@pytest.mark.slow
def test_passages_are_the_rows_of_a_phrase_index_with_the_default_encoder(tmp_path: Path) -> None:
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder

    text = "Oslo is the capital of Norway, and 東京 that of Japan. " * 40
    documents = [*DOCUMENTS, Document("long", f"{text}\n\n{text}")]
    build(documents, tmp_path / "phrases", encoder=PhraseEncoder.from_pretrained("default"))
    direct = made(documents, tmp_path / "direct")
    assert paragraphs(PassageReader.open(direct)) == paragraphs(IndexReader.open(tmp_path / "phrases"))
    assert file_hashes(made(tmp_path / "phrases", tmp_path / "taken")) == file_hashes(direct)


def test_the_counts_of_tokens_are_the_tokenizers(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(ROOT / "densephrase" / "models" / "default" / "tokenizer.json"))
    reader = PassageReader.open(made(DOCUMENTS, tmp_path / "index"))
    texts = {document.id: document.text for document in DOCUMENTS}
    for name, start, end, tokens in paragraphs(reader):
        assert tokens == len(tokenizer.encode(texts[name][start:end], add_special_tokens=False).ids)
    assert reader.manifest.counts.tokens == sum(row[3] for row in paragraphs(reader))


def test_vectors_do_not_depend_on_the_cut_into_shards(tmp_path: Path) -> None:
    few = PassageReader.open(made(DOCUMENTS, tmp_path / "few", FakePassageEncoder())).vectors
    build_passages(DOCUMENTS, tmp_path / "one", encoder=FakePassageEncoder())  # type: ignore[arg-type]
    one = PassageReader.open(tmp_path / "one")
    assert len(one.shards) == 1 and one.vectors is not None and few is not None
    assert np.array_equal(one.vectors.codes, few.codes)
    assert np.array_equal(one.vectors.quantiser.scale, few.quantiser.scale)


def test_passages_are_encoded_in_groups_that_never_cross_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage_shard, "ENCODED_TOGETHER", 5)
    sizes: list[int] = []

    class Watched(FakePassageEncoder):
        def encode_passages(self, passages: Sequence[ParagraphInput]) -> NDArray[np.float32]:
            sizes.append(len(passages))
            return super().encode_passages(passages)

    reader = PassageReader.open(made(DOCUMENTS, tmp_path / "index", Watched()))
    sample = [5] * (reader.count // 5) + [reader.count % 5] * bool(reader.count % 5)  # of so few, all are the sample
    counts = [shard.counts.paragraphs for shard in reader.shards]
    groups = [size for count in counts for size in ([5] * (count // 5) + [count % 5] * bool(count % 5))]
    assert sizes == sample + groups
    expected = PassageReader.open(made(DOCUMENTS, tmp_path / "whole", FakePassageEncoder())).vectors
    assert reader.vectors is not None and expected is not None
    assert np.array_equal(reader.vectors.codes, expected.codes)


def test_terms_alone_need_no_model(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "docs.jsonl", DOCUMENTS)
    program = f"""
import sys
from densephrase import PassageIndex
with PassageIndex.build({str(corpus)!r}, {str(tmp_path / "index")!r}, encoder=None) as index:
    assert index.reader.count
print([name for name in ("torch", "transformers", "faiss", "onnxruntime") if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_stages_are_told(tmp_path: Path) -> None:
    told: list[Progress] = []
    options = PassageBuildOptions(shard_characters=800, flat_limit=10, lists=4)
    encoder: Any = FakePassageEncoder()
    build_passages(DOCUMENTS, tmp_path / "index", encoder=encoder, options=options, progress=told.append)
    stages = list(dict.fromkeys(progress.stage for progress in told))
    expected = ["reading the corpus", "sampling passages", "encoding", "vectors", "inverted lists", "terms", "done"]
    assert stages == expected
    last = {progress.stage: progress for progress in told}
    assert last["encoding"].documents == 24
    assert 0.9 < last["encoding"].done / last["encoding"].total <= 1  # characters; those between passages are none's
    assert all(last[stage].done == last[stage].total > 0 for stage in expected[3:-1])


class _BadEncoder(FakePassageEncoder):
    """Gives what `spoil` makes of good vectors."""

    spoil: Callable[[NDArray[np.float32]], NDArray[Any]]

    def encode_passages(self, passages: Sequence[ParagraphInput]) -> NDArray[np.float32]:
        return self.spoil(super().encode_passages(passages))


BAD = {
    "size": (lambda rows: rows[:, :-1], r"vectors of float32 \(\d+, 7\)"),
    "number": (lambda rows: rows[1:], "promises float32"),
    "type": (lambda rows: rows.astype(np.float64), "vectors of float64"),
    "NaN": (lambda rows: rows * np.float32("nan"), "not finite"),
}


@pytest.mark.parametrize(("spoil", "message"), BAD.values(), ids=BAD.keys())
def test_an_encoder_that_breaks_its_promise_is_refused(
    tmp_path: Path, spoil: Callable[[NDArray[np.float32]], NDArray[Any]], message: str
) -> None:
    encoder = _BadEncoder()
    encoder.spoil = spoil
    with pytest.raises(BuildError, match=message):
        made(DOCUMENTS, tmp_path / "index", encoder)


def test_a_full_disk_is_told_before_anything_is_encoded(tmp_path: Path) -> None:
    encoder: Any = FakePassageEncoder()
    with pytest.raises(DiskSpaceError, match="only 0 MB are free"):
        build_passages(DOCUMENTS, tmp_path / "index", encoder=encoder, options=OPTIONS, free=lambda _: 1000)
    assert not (tmp_path / "index").exists()


def test_what_is_no_place_for_an_index_is_refused(tmp_path: Path) -> None:
    index = made(DOCUMENTS, tmp_path / "index")
    with pytest.raises(BuildError, match="holds a finished index"):
        made(DOCUMENTS, index)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("x")
    with pytest.raises(BuildError, match="neither empty nor an unfinished index"):
        made(DOCUMENTS, tmp_path / "other")
    with pytest.raises(BuildError, match="lies inside the corpus"):
        made(tmp_path / "other", tmp_path / "other" / "index")


def test_bad_documents_stop_a_build_or_are_left_out(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "docs.jsonl", DOCUMENTS)
    corpus.write_text(corpus.read_text() + "{broken\n")
    with pytest.raises(CorpusError, match="line 25"):
        made(corpus, tmp_path / "a")
    assert PassageReader.open(made(corpus, tmp_path / "b", skip_bad=True)).manifest.counts.documents == 24


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flat_limit": -1}, "flat_limit is -1; expected a whole number of at least 0"),
        ({"lists": 0}, "lists is 0"),
        ({"shard_characters": 4e6}, "shard_characters is 4000000.0"),
        ({"language": "klingon"}, "language is 'klingon'"),
        ({"skip_bad": 1}, "skip_bad is 1"),
        ({"profile": "compact"}, "There is no build option 'profile'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BuildError, match=message):
        PassageBuildOptions.of(**options)
