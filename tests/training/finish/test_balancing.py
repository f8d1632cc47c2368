"""Balanced vectors: all dimensions keep every score, fewer keep them better than other projections."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from densephrase.encoder.phrase.model import PhraseModel
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.tokens.padding import pad_batch
from densephrase.training.data.examples import TrainingWindow, make_examples
from densephrase.training.finish.balancing import balance_vectors, balanced_maps
from tests.conftest import make_encoder
from tests.training.facts import make_facts

Matrix = NDArray[np.float64]
SIZES = pytest.mark.parametrize("size", [1, 5, 12], ids="{} dimensions".format)


def make_vectors(seed: int, text: int = 400, questions: int = 60, size: int = 12) -> tuple[Matrix, Matrix]:
    """Return vectors with correlated dimensions of very different spread, and means far from 0."""
    random = np.random.default_rng(seed)
    mixes = [random.normal(size=(size, size)) * random.lognormal(sigma=1.0, size=size) for _ in range(2)]
    return tuple(  # type: ignore[return-value]
        random.normal(size=(count, size)) @ mix + random.normal(size=size) * 3
        for count, mix in zip((text, questions), mixes, strict=True)
    )


def squared_error(text: Matrix, questions: Matrix, text_map: Matrix, question_map: Matrix) -> float:
    """Return the mean squared error of scores, without what all scores of a question have in common."""
    errors = (text - text.mean(0)) @ (np.eye(text.shape[1]) - text_map.T @ question_map) @ questions.T
    return float(np.square(errors).mean())


def principal(vectors: Matrix, size: int) -> Matrix:
    """Return the projection (size, d) to the directions of largest spread."""
    return np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)[2][:size]


@SIZES
@pytest.mark.parametrize("seed", range(3))
def test_no_projection_keeps_scores_better(seed: int, size: int) -> None:
    text, questions = make_vectors(seed)
    random = np.random.default_rng(seed)
    error = squared_error(text, questions, *balanced_maps(text, questions, size))
    variance = np.square((text - text.mean(0)) @ questions.T).mean()
    others = [principal(text, size), principal(questions, size)]
    others += [np.linalg.qr(random.normal(size=(12, size)))[0].T for _ in range(20)]
    assert all(error <= squared_error(text, questions, map_, map_) + 1e-6 * variance for map_ in others)


@pytest.mark.parametrize("seed", range(3))
@SIZES
def test_small_changes_of_the_maps_only_add_to_the_error(seed: int, size: int) -> None:
    text, questions = make_vectors(seed)
    text_map, question_map = balanced_maps(text, questions, size)
    error = squared_error(text, questions, text_map, question_map)
    variance = np.square((text - text.mean(0)) @ questions.T).mean()
    random = np.random.default_rng(seed)
    for _ in range(20):
        changed = [matrix * (1 + 0.01 * random.normal(size=matrix.shape)) for matrix in (text_map, question_map)]
        assert error <= squared_error(text, questions, *changed) + 1e-5 * variance


@SIZES
def test_both_sides_get_the_same_falling_diagonal_covariance(size: int) -> None:
    text, questions = make_vectors(0)
    text_map, question_map = balanced_maps(text, questions, size)
    mapped, asked = text @ text_map.T, questions @ question_map.T
    covariance, moment = np.atleast_2d(np.cov(mapped.T)), asked.T @ asked / len(asked)
    scale = covariance.max()
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-3 * scale)
    np.testing.assert_allclose(moment, covariance, atol=1e-3 * scale)
    assert (np.diff(np.diag(covariance)) < 0).all()


def test_all_dimensions_keep_every_product() -> None:
    text, questions = make_vectors(1)
    text_map, question_map = balanced_maps(text, questions, 12)
    np.testing.assert_allclose((text @ text_map.T) @ (questions @ question_map.T).T, text @ questions.T, atol=1e-8)


def test_the_first_dimensions_do_not_depend_on_how_many_follow() -> None:
    text, questions = make_vectors(2)
    for whole, part in zip(balanced_maps(text, questions, 12), balanced_maps(text, questions, 4), strict=True):
        np.testing.assert_allclose(whole[:4], part, rtol=1e-9)


def test_a_single_dimension_and_too_few_questions_are_no_harm() -> None:
    text, questions = make_vectors(3, size=1)
    text_map, question_map = balanced_maps(text, questions, 1)
    assert float(text_map[0, 0] * question_map[0, 0]) == pytest.approx(1)
    text, questions = make_vectors(3, questions=2)
    text_map, question_map = balanced_maps(text, questions, 12)
    np.testing.assert_allclose(text_map.T @ question_map, np.eye(12), atol=1e-6)


@pytest.fixture(scope="module")
def encoder() -> PhraseEncoder:
    """An encoder whose dimensions spread unlike, as those of a trained backbone do."""
    return make_spread_encoder(16)


def make_spread_encoder(head_hidden_size: int) -> PhraseEncoder:
    encoder = make_encoder(max_tokens=48, sparc_size=4, head_hidden_size=head_hidden_size)
    random = np.random.default_rng(5)
    for head in (encoder._model.start_head, encoder._model.end_head):
        head.projection.weight.data *= torch.from_numpy(random.lognormal(sigma=1.0, size=(32, 1))).float()
    return encoder


@pytest.fixture(scope="module")
def windows(encoder: PhraseEncoder) -> list[TrainingWindow]:
    return make_examples(make_facts(), encoder.tokeniser, 6).windows


Outputs = dict[str, Matrix]


def outputs(model: PhraseModel, windows: list[TrainingWindow]) -> Outputs:
    """Return vectors and everything else that the model says of the paragraphs' tokens and of the questions."""
    ids, mask = pad_batch([window.input_ids for window in windows], 0)
    own = torch.tensor([[w.first <= column < w.last for column in range(ids.shape[1])] for w in windows])
    asked = pad_batch([question.input_ids for window in windows for question in window.questions], 0)
    with torch.inference_mode():
        text, question = model.encode_text(ids, mask, own), model.encode_questions(*asked)
    assert text.sparc is not None
    assert question.sparc is not None
    size = model.config.vector_size
    found = {
        "start": text.start[own][:, :size],
        "end": text.end[own][:, :size],
        "question start": question.start,
        "question end": question.end,
        "k": text.start[own][:, size:],
        "c": text.end[own][:, size:],
        "filter": text.filter_logits,
        "sparc": text.sparc,
        "question sparc": question.sparc,
    }
    return {name: value.double().numpy() for name, value in found.items()}


def scores(found: Outputs, side: str) -> Matrix:
    product: Matrix = found[side] @ found[f"question {side}"].T
    return product


def balanced(encoder: PhraseEncoder, windows: list[TrainingWindow], size: int, seed: int = 0) -> PhraseModel:
    model = copy.deepcopy(encoder._model)
    balance_vectors(model, windows, size, seed=seed)
    return model


@pytest.mark.parametrize("head_hidden_size", [0, 16], ids=["linear heads", "residual heads"])
def test_a_model_with_all_its_dimensions_keeps_its_scores(head_hidden_size: int, windows: list[TrainingWindow]) -> None:
    encoder = make_spread_encoder(head_hidden_size)
    before, after = outputs(encoder._model, windows), outputs(balanced(encoder, windows, 32), windows)
    for side in ("start", "end"):
        assert not np.allclose(before[side], after[side], rtol=1e-2)
        expected = scores(before, side)
        np.testing.assert_allclose(scores(after, side), expected, rtol=1e-3, atol=1e-3 * expected.std())


@pytest.mark.parametrize("size", [4, 12, 32], ids="{} dimensions".format)
def test_what_is_no_start_or_end_vector_stays(size: int, encoder: PhraseEncoder, windows: list[TrainingWindow]) -> None:
    model = balanced(encoder, windows, size)
    assert model.config.vector_size == size
    assert model.config.row_size == size + 4
    before, after = outputs(encoder._model, windows), outputs(model, windows)
    assert after["start"].shape[1] == after["question end"].shape[1] == size
    for name in ("k", "c", "filter", "sparc", "question sparc"):
        np.testing.assert_array_equal(after[name], before[name])


@pytest.mark.parametrize("side", ["start", "end"])
@pytest.mark.parametrize("size", [2, 6, 12], ids="{} dimensions".format)
def test_a_shortened_models_scores_are_nearer_than_principal_directions(
    size: int, side: str, encoder: PhraseEncoder, windows: list[TrainingWindow]
) -> None:
    before = outputs(encoder._model, windows)
    found = scores(outputs(balanced(encoder, windows, size), windows), side)
    expected = scores(before, side)
    errors = found - expected
    error = float(np.square(errors - errors.mean(0)).mean())
    text, questions = before[side], before[f"question {side}"]
    for other in (principal(text, size), principal(questions, size)):
        assert error <= squared_error(text, questions, other, other) * (1 + 1e-3)
    assert error < 0.5 * expected.var(0).mean()


def test_a_shortened_model_builds_from_its_configuration(encoder: PhraseEncoder, windows: list[TrainingWindow]) -> None:
    model = balanced(encoder, windows, 10)
    rebuilt = PhraseModel(model.config)
    assert {name: value.shape for name, value in rebuilt.state_dict().items()} == {
        name: value.shape for name, value in model.state_dict().items()
    }
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_sample_is_drawn_by_seed(encoder: PhraseEncoder, windows: list[TrainingWindow]) -> None:
    one, same = (balanced(encoder, windows, 8).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], same[name]) for name in one)
