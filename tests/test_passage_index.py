"""The public class of passages: build, open, search, info, verify, close."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import numba
import pytest
import torch

from densephrase import Passage, PassageIndex
from densephrase.build_index.passages.passage_options import PassageBuildOptions
from densephrase.build_keywords import PassageBuildKeywords
from densephrase.cli.main import main
from densephrase.data import Document
from densephrase.encoder.passage import passage_question_encoder
from densephrase.encoder.passage.config import PassageEncoderConfig
from densephrase.encoder.passage.model import BiEncoder
from densephrase.encoder.passage.passage_encoder import PassageEncoder
from densephrase.encoder.passage.tokens import PassageTokeniser
from densephrase.errors import BuildError, EncoderError, IndexFormatError, SearchError
from tests.conftest import make_config, make_tokenizer

DOCUMENTS = [
    Document("hamlet", "Hamlet was written by William Shakespeare.\n\nIt is a play about a prince.", "Hamlet"),
    Document("paris", "Paris is the capital of France.\n\nThe river Seine flows through it.", "Paris"),
    Document("london", "London was a city of the king and the queen.", "London"),
]


def small_encoder() -> PassageEncoder:
    """Return an encoder of fixed random weights."""
    tokenizer = make_tokenizer()
    backbone = make_config(tokenizer).backbone
    config = PassageEncoderConfig(
        backbone, is_shared=True, max_passage_tokens=64, max_question_tokens=32, sep_token_id=3
    )
    torch.manual_seed(3)
    model = BiEncoder(config)
    return PassageEncoder(model, PassageTokeniser(tokenizer, config), bf16=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index that no test may change."""
    path = tmp_path_factory.mktemp("index") / "passages"
    PassageIndex.build(DOCUMENTS, path, encoder=small_encoder()).close()
    return path


@pytest.fixture
def index(built: Path) -> PassageIndex:
    return PassageIndex.open(built, threads=1)


@pytest.mark.parametrize("strategy", ["bm25", "dense", "hybrid", "auto"])
def test_a_question_gives_passages_that_can_be_cited(index: PassageIndex, strategy: Any) -> None:
    found = index.search("Who wrote Hamlet, the play about a prince?", top_k=2, strategy=strategy)
    assert len(found) == 2
    texts = {document.id: document.text for document in DOCUMENTS}
    for passage in found:
        assert isinstance(passage, Passage)
        assert passage.text == texts[passage.document.id][passage.start : passage.end]
        assert passage.id == f"{passage.document.id}:{passage.start}-{passage.end}"
    assert found[0].score >= found[1].score


def test_search_by_terms_loads_no_encoder(index: PassageIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: Any) -> None:
        raise EncoderError("loaded")

    monkeypatch.setattr(passage_question_encoder, "load_passage_question_encoder", load)
    assert index.search("Shakespeare", strategy="bm25")[0].document.id == "hamlet"
    with pytest.raises(EncoderError, match="loaded"):
        index.search("Shakespeare", strategy="dense")


def test_threads_share_the_questions_that_are_encoded(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(passage_question_encoder, "load_passage_question_encoder", lambda *told: given.append(told[3]))
    for threads in (1, None):
        with PassageIndex.open(built, threads=threads) as index:
            assert index.encoder is None
    assert given == [1, numba.config.NUMBA_NUM_THREADS]


def test_the_dense_side_ranks_by_the_encoders_products(index: PassageIndex) -> None:
    encoder = index.encoder
    assert encoder is not None and index.reader.vectors is not None
    (question,) = encoder.encode_questions(["Which city has a river?"])
    rows = index.reader.vectors.quantiser.decode(index.reader.vectors.codes)
    expected = sorted((-(rows @ question)).tolist())
    found = index.search("Which city has a river?", top_k=5, strategy="dense")
    assert [-passage.score for passage in found] == pytest.approx(expected, rel=1e-4)


def test_lists_of_questions_and_explanations(index: PassageIndex) -> None:
    questions = ["capital of France", "king and queen"]
    both = index.search(questions, top_k=1, strategy="bm25", explain=True)
    assert [found[0].document.id for found in both] == ["paris", "london"]
    assert both == [index.search(question, top_k=1, strategy="bm25", explain=True) for question in questions]
    assert {match.term for match in both[0][0].term_matches or ()} == {"franc", "capit"}
    assert index.search([]) == []


def test_an_index_of_terms_is_searched_by_them(tmp_path: Path) -> None:
    with PassageIndex.build(DOCUMENTS, tmp_path / "terms", encoder=None, language="none") as index:
        assert index.encoder is None
        assert index.search("France")[0].document.id == "paris"
        with pytest.raises(SearchError, match="no vectors"):
            index.search("France", strategy="dense")
        assert index.info()["analyser"] == "none-1"


def test_a_phrase_index_can_be_the_corpus(tmp_path: Path, tiny_encoder: Any) -> None:
    from densephrase import PhraseIndex

    PhraseIndex.build(DOCUMENTS, tmp_path / "phrases", encoder=tiny_encoder).close()
    with PassageIndex.build(tmp_path / "phrases", tmp_path / "passages", encoder=None) as index:
        assert index.search("Shakespeare")[0].id == "hamlet:22-42"  # of an encoder that reads few tokens at once


def test_info_and_verify(index: PassageIndex, built: Path) -> None:
    facts = index.info()
    assert (facts["documents"], facts["passages"], facts["vector_size"]) == (3, 5, 32)
    assert index.verify() == []
    assert index.path == built.resolve()
    assert repr(index) == f"PassageIndex({str(built.resolve())!r}, documents=3, passages=5)"


def test_a_closed_index_says_so(index: PassageIndex) -> None:
    (found,) = index.search("Paris", top_k=1, strategy="bm25")
    index.close()
    assert found.text == "Paris is the capital of France."
    with pytest.raises(SearchError, match=r"closed; open it again with PassageIndex\.open"):
        index.search("Paris")
    assert repr(index) == "PassageIndex(closed)"


def test_a_copy_opens_the_index_again(index: PassageIndex) -> None:
    other = copy.deepcopy(index)
    assert other.reader is not index.reader
    assert other.path == index.path


@pytest.mark.parametrize(
    ("question", "options", "message"),
    [
        ("", {}, "is empty"),
        (7, {}, "expected a string"),
        ("Paris", {"colour": 1}, "There is no option 'colour'"),
        ("Paris", {"top_k": 0}, "top_k is 0"),
        ("Paris", {"strategy": "psychic"}, "strategy is 'psychic'"),
    ],
)
def test_what_makes_no_sense_is_refused(index: PassageIndex, question: Any, options: Any, message: str) -> None:
    with pytest.raises(SearchError, match=message):
        index.search(question, **options)


def test_unknown_build_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="There is no build option 'profile'"):
        PassageIndex.build(DOCUMENTS, tmp_path / "index", encoder=None, profile="compact")  # type: ignore[call-arg]


def test_keywords_of_a_build_of_passages_are_its_options() -> None:
    assert get_type_hints(PassageBuildKeywords) == get_type_hints(PassageBuildOptions)


def test_the_class_is_imported_without_what_is_heavy() -> None:
    program = (
        "import sys, densephrase\nassert 'PassageIndex' in densephrase.__all__\n"
        "heavy = ('torch', 'numba', 'h5py', 'faiss', 'transformers')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_commands_take_an_index_of_passages(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(built), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"]
    assert main(["info", str(built), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passages"] == 5
    assert main(["info", str(built)]) == 0
    shown = capsys.readouterr().out
    assert "bytes a passage, without the encoder" in shown
    assert "32 dimensions, int8" in shown


def test_commands_of_phrases_name_the_other_kind(built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", str(built), "Who?"]) == 1
    assert "is an index of passages; open it with PassageIndex.open" in capsys.readouterr().err


def test_no_index_of_passages_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexFormatError, match="nowhere"):
        PassageIndex.open(tmp_path / "nowhere")
