"""Word pieces of passages and questions: titles, prefixes, cuts, and special tokens that stand in a text."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.passage.config import PassageEncoderConfig
from densephrase.encoder.passage.tokens import PassageTokeniser
from densephrase.encoder.published.published_tokenizer import frame_texts
from densephrase.errors import EncoderError
from tests.conftest import make_architecture, make_passage_encoder, make_tokenizer
from tests.encoder.published.published_folders import write_sentence_folder

CLS, SEP = 2, 3
IDS = make_tokenizer()


def make(**changes: object) -> PassageTokeniser:
    return make_passage_encoder(**changes).tokeniser


def ids(*words: str) -> list[int]:
    """Return the numbers of whole pieces."""
    found = [IDS.token_to_id(word) for word in words]
    assert None not in found
    return found


def test_the_title_is_the_first_segment() -> None:
    passages = [ParagraphInput("the king", "Paris"), ParagraphInput("the king"), ParagraphInput("", "Paris")]
    rows = make(title="segment").passages(passages)
    assert rows == [
        [CLS, *ids("paris"), SEP, *ids("the", "king"), SEP],
        [CLS, *ids("the", "king"), SEP],
        [CLS, *ids("paris"), SEP, SEP],
    ]


def test_the_title_stands_in_front_of_the_text_or_not_at_all() -> None:
    passages = [ParagraphInput("the king", "Paris"), ParagraphInput("the king")]
    framed = [[CLS, *ids("paris", "the", "king"), SEP], [CLS, *ids("the", "king"), SEP]]
    assert make(title="text").passages(passages) == framed
    assert make(title="none").passages(passages) == [framed[1], framed[1]]


def test_prefixes_come_first() -> None:
    tokeniser = make(title="text", question_prefix="what ", passage_prefix="of ")
    assert tokeniser.questions(["king"]) == [[CLS, *ids("what", "king"), SEP]]
    assert tokeniser.passages([ParagraphInput("king", "Paris")]) == [[CLS, *ids("of", "paris", "king"), SEP]]
    rows = make(title="segment", passage_prefix="of ").passages(
        [ParagraphInput("king", "Paris"), ParagraphInput("king")]
    )
    assert rows == [[CLS, *ids("of", "paris"), SEP, *ids("king"), SEP], [CLS, *ids("of", "king"), SEP]]


@pytest.mark.parametrize("title", ["segment", "text", "none"])
def test_the_end_of_what_is_long_is_cut_and_its_separator_stays(title: str) -> None:
    tokeniser = make(title=title, max_passage_tokens=10, max_question_tokens=5)
    (row,) = tokeniser.passages([ParagraphInput("king queen war year " * 5, "london city")])
    assert (len(row), row[0], row[-1]) == (10, CLS, SEP)
    front = {"segment": [*ids("london", "city"), SEP], "text": ids("london", "city"), "none": []}[title]
    assert row[1 : 1 + len(front)] == front
    assert row[1 + len(front) : -1] == (ids("king", "queen", "war", "year") * 5)[: 8 - len(front)]
    assert tokeniser.questions(["the king of the river"]) == [[CLS, *ids("the", "king", "of"), SEP]]


def test_a_title_longer_than_the_passage_leaves_both_separators() -> None:
    (row,) = make(max_passage_tokens=8).passages([ParagraphInput("war", "king " * 20)])
    assert row == [CLS, *ids("king") * 5, SEP, SEP]


def test_special_tokens_in_a_text_are_text() -> None:
    """What sentence-transformers reads as a separator, we read as the letters that somebody wrote."""
    tokeniser = make(title="text")
    (row,) = tokeniser.questions(["king [SEP] queen [PAD]"])
    assert row.count(SEP) == 1
    assert 0 not in row
    assert row[1:4] == [*ids("king", "["), IDS.token_to_id("s")]


def test_sentence_transformers_reads_special_tokens_in_a_text(tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    model = library.SentenceTransformer(str(write_sentence_folder(tmp_path)), device="cpu")
    assert model.tokenizer("king [SEP] queen")["input_ids"] == [CLS, *ids("king"), SEP, *ids("queen"), SEP]


def test_nothing_has_no_rows() -> None:
    tokeniser = make()
    assert (tokeniser.passages([]), tokeniser.questions([])) == ([], [])
    assert tokeniser.questions(["", " \u200b\u0000"]) == [[CLS, SEP]] * 2


def test_a_tokenizer_that_knows_more_pieces_than_the_backbone_is_refused() -> None:
    with pytest.raises(EncoderError, match="word pieces up to number 160, the backbone embeds 100; they do not"):
        make(backbone=make_architecture(make_tokenizer()) | {"vocab_size": 100})
    with pytest.raises(EncoderError, match="word pieces up to number 9999, the backbone embeds"):
        make(cls_token_id=9999)


def test_a_tokenizer_that_puts_texts_between_other_tokens_is_refused() -> None:
    tokenizer = make_tokenizer()
    frame_texts(tokenizer, 5, 6)
    tokeniser = PassageTokeniser(tokenizer, make_passage_encoder().config)
    with pytest.raises(EncoderError, match=r"between the pieces \[5, 6\], the configuration between cls_token_id=2"):
        tokeniser.check_vocabulary(1_000)


def test_a_broken_tokenizer_is_named(tmp_path: Path) -> None:
    config = PassageEncoderConfig(make_architecture(make_tokenizer()))
    with pytest.raises(EncoderError, match="holds no tokenizer.json"):
        PassageTokeniser.load(tmp_path, config)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(EncoderError, match="cannot be read as a fast tokenizer"):
        PassageTokeniser.load(tmp_path, config)


def test_padding_and_truncation_of_the_file_are_left_out() -> None:
    tokenizer: Tokenizer = make_tokenizer()
    tokenizer.enable_padding(length=30)
    tokenizer.enable_truncation(4)
    rows = PassageTokeniser(tokenizer, make_passage_encoder().config).questions(["the king of the river of the city"])
    assert rows == [[CLS, *ids("the", "king", "of", "the", "river", "of", "the", "city"), SEP]]
