"""The in-batch loss against plain sums, and against sentence-transformers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from densephrase.errors import TrainingError
from densephrase.training.contrastive.gradient_cache import encode_in_chunks
from densephrase.training.contrastive.losses import cross_batch_nll, in_batch_nll

SIZE = 5


def plain_loss(
    questions: np.ndarray, passages: np.ndarray, positive: np.ndarray, left_out: np.ndarray, scale: float
) -> tuple[float, float, float]:
    """Return loss, accuracy and rank, by loops."""
    losses, ranks = [], []
    for number, gold in enumerate(positive):
        scores = {p: scale * float(questions[number] @ passages[p]) for p in range(len(passages))}
        rivals = [p for p in scores if p != gold and not left_out[number, p]]
        losses.append(-np.log(np.exp(scores[gold]) / sum(np.exp(scores[p]) for p in [gold, *rivals])))
        ranks.append(1 + sum(scores[p] >= scores[gold] for p in rivals))
    return float(np.mean(losses)), float(np.mean(np.array(ranks) == 1)), float(np.mean(ranks))


@pytest.mark.parametrize("scale", [1.0, 20.0, 0.0])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("questions", "passages"), [(6, 12), (1, 1), (4, 3), (1, 7)])
def test_the_loss_is_that_of_plain_sums(questions: int, passages: int, masked: bool, scale: float) -> None:
    random = np.random.default_rng(questions + passages)
    asked, known = random.normal(size=(questions, SIZE)), random.normal(size=(passages, SIZE))
    positive = random.integers(0, passages, questions)
    left_out = random.random((questions, passages)) < (0.4 if masked else 0)
    found = in_batch_nll(
        torch.from_numpy(asked),
        torch.from_numpy(known),
        torch.from_numpy(positive),
        torch.from_numpy(left_out) if masked else None,
        scale,
    )
    assert [float(part) for part in found] == pytest.approx(plain_loss(asked, known, positive, left_out, scale))
    assert list(found.parts()) == ["loss", "accuracy", "rank"]


def test_a_question_whose_negatives_are_all_left_out_has_no_loss() -> None:
    vectors = torch.randn(2, SIZE, requires_grad=True)
    found = in_batch_nll(vectors, vectors, torch.arange(2), torch.ones(2, 2, dtype=torch.bool))
    torch.autograd.backward(found.loss)
    assert [float(part.detach()) for part in found] == [0, 1, 1]
    assert vectors.grad is not None
    assert not vectors.grad.any()


def test_equal_scores_are_no_success() -> None:
    found = in_batch_nll(torch.ones(3, SIZE), torch.ones(6, SIZE), torch.arange(3))
    assert [float(part) for part in found] == pytest.approx([np.log(6), 0, 6])


def test_half_precision_is_computed_in_float32() -> None:
    questions, passages = torch.randn(2, 4, SIZE).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = in_batch_nll(questions, passages, torch.arange(4))
    assert found.loss.dtype == torch.float32
    assert float(found.loss) == float(in_batch_nll(questions.float(), passages.float(), torch.arange(4)).loss)


@pytest.mark.parametrize(("positive", "mask"), [((2,), None), ((3, 1), None), ((3,), (3, 3)), ((3,), (4, 3))])
def test_shapes_that_do_not_fit_are_refused(positive: tuple[int, ...], mask: tuple[int, ...] | None) -> None:
    left_out = None if mask is None else torch.zeros(mask, dtype=torch.bool)
    with pytest.raises(TrainingError, match=r"3 questions and 4 passages .* expected \(3,\) and \(3, 4\)"):
        in_batch_nll(torch.ones(3, 2), torch.ones(4, 2), torch.zeros(positive, dtype=torch.int64), left_out)


def test_copies_of_a_positive_are_no_negatives() -> None:
    """Passages: the positives of three questions, the first two of them the same, and hard negatives."""
    questions, passages = torch.randn(3, SIZE), torch.randn(6, SIZE)
    passages[[1, 5]] = passages[0].clone()
    numbers = torch.tensor([8, 8, 3, 4, 5, 8])
    copies = torch.zeros(3, 6, dtype=torch.bool)
    copies[0, [1, 5]] = copies[1, [0, 5]] = True
    found, expected = (
        cross_batch_nll(questions, passages, numbers),
        plain_loss(*(tensor.double().numpy() for tensor in (questions, passages)), np.arange(3), copies.numpy(), 1.0),
    )
    assert [float(part) for part in found] == pytest.approx(expected, rel=1e-5)


def test_other_passages_that_answer_are_no_negatives() -> None:
    questions, passages = torch.randn(3, SIZE), torch.randn(5, SIZE)
    others = torch.tensor([[14, -1], [10, 13], [-1, -1]])
    left_out = np.zeros((3, 5), bool)
    left_out[0, 4] = left_out[1, [0, 3]] = True
    found = cross_batch_nll(questions, passages, torch.arange(10, 15), 1.0, others)
    arrays = (tensor.double().numpy() for tensor in (questions, passages))
    assert [float(part) for part in found] == pytest.approx(plain_loss(*arrays, np.arange(3), left_out, 1.0), rel=1e-5)


class Tower(nn.Module):
    """An encoder that sentence-transformers can train: rows of numbers to vectors."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(nn.Linear(SIZE, 8), nn.Tanh(), nn.Linear(8, 4))

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return {**features, "sentence_embedding": self.layers(features["rows"])}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("chunk", [0, 3], ids=["at once", "in chunks"])
def test_the_loss_is_that_of_sentence_transformers(chunk: int) -> None:
    """MultipleNegativesRankingLoss, and CachedMultipleNegativesRankingLoss where gradients are cached."""
    reason = "sentence-transformers, the other side of the comparison, is not installed"
    library = pytest.importorskip("sentence_transformers", reason=reason)
    losses = pytest.importorskip("sentence_transformers.losses", reason=reason)
    settings = {"scale": 1.0, "similarity_fct": library.util.dot_score}
    rows = torch.randn(3, 7, SIZE)  # questions, positives, hard negatives
    theirs = library.SentenceTransformer(modules=[Tower()], device="cpu")
    if chunk:
        loss = losses.CachedMultipleNegativesRankingLoss(theirs, mini_batch_size=chunk, **settings)
    else:
        loss = losses.MultipleNegativesRankingLoss(theirs, **settings)
    expected = loss([{"rows": side} for side in rows], None)
    torch.autograd.backward(expected)
    ours = Tower().layers
    vectors = [encode_in_chunks(ours, [side], chunk) for side in (rows[0], torch.cat([rows[1], rows[2]]))]
    found = in_batch_nll(vectors[0], vectors[1], torch.arange(7)).loss
    torch.autograd.backward(found)
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-6)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(mine.grad, other.grad, rtol=1e-4, atol=1e-7)
