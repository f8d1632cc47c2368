"""How likely an answer is to be right: a logistic model over how the answer stands among its rivals.

It is fitted to hybrid search with the encoder's own weights; other strategies and weights change what scores mean.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from densephrase.data import Answer, ScoreParts
from densephrase.errors import EncoderError, SearchError
from densephrase.metrics import answer_name

Setting = Literal["open", "closed"]  # over an index, or over the one paragraph that is given
SETTINGS: tuple[Setting, ...] = ("open", "closed")

# What a search must look at for the features; other numbers would give them another meaning.
RIVALS = 10  # best answers
SPANS = 100  # best phrases, among which the evidence of the answers is collected

FEATURES = (
    "margin",  # score less that of the best rival; negative for all but the best answer
    "log_margin",  # sign(margin) * log(1 + |margin|)
    "depth",  # score less that of the last of the best answers
    "share",  # log of the answer's share of exp(score), summed over its phrases, among all phrases of the best answers
    "phrases",  # log of the number of phrases that say the answer
    "same_document",  # share of the best answers that stand in the answer's document
    "phrase_words",
    "question_words",
    *(part.name for part in fields(ScoreParts)),
)


@dataclass(frozen=True, slots=True)
class Rival:
    """One of the best answers to a question: its name, the scores of its phrases and the document of the best one."""

    name: str
    scores: tuple[float, ...]  # best first, never empty
    document: Hashable

    @property
    def score(self) -> float:
        """The score of the best phrase."""
        return self.scores[0]

    @classmethod
    def of(cls, answer: Answer) -> Rival:
        """Take what counts of an answer."""
        return cls(answer_name(answer.text), tuple(item.score for item in answer.evidence), answer.document.id)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer to be judged: the text, the parts of the score and the document of its best phrase."""

    text: str
    parts: ScoreParts
    document: Hashable

    @classmethod
    def of(cls, answer: Answer) -> Candidate:
        """Take what counts of an answer."""
        return cls(answer.text, answer.parts, answer.document.id)


def answer_features(question: str, candidate: Candidate, rivals: Sequence[Rival]) -> dict[str, float]:
    """Return the value of each of `FEATURES`.

    `rivals` are the best answers to the question, at most `RIVALS` of them, best first, among the best `SPANS`
    phrases; the candidate may be one of them. Differences to a rival that does not exist are 0.
    """
    name, score = answer_name(candidate.text), candidate.parts.total
    own = next((rival.scores for rival in rivals if rival.name == name), (score,))
    margin = score - next((rival.score for rival in rivals if rival.name != name), score)
    everything = [value for rival in rivals for value in rival.scores]
    return {
        "margin": margin,
        "log_margin": math.copysign(math.log1p(abs(margin)), margin),
        "depth": score - rivals[-1].score if rivals else 0.0,
        "share": _log_sum_exp(own) - _log_sum_exp(everything or own),
        "phrases": math.log(len(own)),
        "same_document": sum(rival.document == candidate.document for rival in rivals) / max(len(rivals), 1),
        "phrase_words": float(len(candidate.text.split())),
        "question_words": float(len(question.split())),
        **{part.name: float(getattr(candidate.parts, part.name)) for part in fields(ScoreParts)},
    }


def _log_sum_exp(scores: Sequence[float]) -> float:
    largest = max(scores)
    return largest + math.log(sum(math.exp(score - largest) for score in scores))


@dataclass(frozen=True, slots=True)
class ConfidenceModel:
    """Logistic regression: the probability that an answer matches a reference exactly."""

    weights: Mapping[str, float]
    bias: float

    def probability(self, features: Mapping[str, float]) -> float:
        """Return the probability, in [0, 1], for the features of `answer_features`."""
        logit = self.bias + sum(weight * features[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0  # exp overflows from 710 on

    def judge(self, question: str, answers: Iterable[Answer], rivals: Sequence[Rival], least: float) -> list[Answer]:
        """Return the answers that are right with a probability of at least `least`, each with its probability."""
        judged = []
        for answer in answers:
            confidence = self.probability(answer_features(question, Candidate.of(answer), rivals))
            if confidence >= least:
                judged.append(replace(answer, confidence=confidence))
        return judged

    def to_dict(self) -> dict[str, Any]:
        """Return the model as the configuration of an encoder holds it."""
        return {"bias": self.bias, "weights": dict(self.weights)}

    @classmethod
    def of(cls, confidence: Mapping[str, Any], setting: Setting) -> ConfidenceModel | None:
        """Take the model of a setting from a checked configuration; None where none was fitted."""
        model = confidence.get(setting)
        return None if model is None else cls(model["weights"], model["bias"])


def missing_confidence(setting: Setting) -> SearchError:
    """Return the error for a least confidence with an encoder that was not fitted for it."""
    return SearchError(
        f"min_confidence needs an encoder with a confidence fitted for {setting} search, and this one has none. Fit it "
        "with 'densephrase calibrate' and give its output as the encoder to search with (--encoder), or leave "
        "min_confidence out."
    )


def check_confidence(confidence: Mapping[str, Any]) -> None:
    """Check what an encoder's configuration holds under `confidence`: {setting: {"bias": x, "weights": {name: x}}}.

    Raises:
        EncoderError: if a setting or a feature is unknown, or a number is missing or not finite.
    """
    for setting, model in confidence.items():
        if setting not in SETTINGS:
            raise _fault(repr(setting), f"one of {', '.join(SETTINGS)}")
        if not isinstance(model, dict) or set(model) != {"bias", "weights"} or not isinstance(model["weights"], dict):
            raise _fault(f"{setting}={model!r}", "an object of 'bias' and 'weights'")
        unknown = sorted(set(model["weights"]) - set(FEATURES))
        if unknown:
            raise _fault(f"weights of {', '.join(unknown)} under {setting}", f"some of {', '.join(FEATURES)}")
        for name, value in (("bias", model["bias"]), *model["weights"].items()):
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise _fault(f"{setting}: {name}={value!r}", "a finite number")


def _fault(found: str, expected: str) -> EncoderError:
    return EncoderError(
        f"The encoder configuration has in its confidence {found}; expected {expected}. Fit it again with "
        "'densephrase calibrate', or take the confidence out."
    )
