"""Confidence of the best answer: logistic regression over how its score stands among its rivals.

Another one says it of the answers behind it (see `densephrase.confidence.later_answers`). Both are fitted to hybrid
search with the encoder's own weights; other strategies and weights change what scores mean.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from densephrase.confidence.later_answers import LATER_FEATURES, AnswerChain
from densephrase.confidence.logistic import LogisticModel
from densephrase.data import SCORE_PARTS, Answer, ScoreParts
from densephrase.errors import EncoderError, SearchError
from densephrase.metrics import answer_name

Setting = Literal["open", "closed"]  # over an index, or over the one paragraph that is given
SETTINGS: tuple[Setting, ...] = get_args(Setting)

# What a search must look at for the features; other numbers would give them another meaning.
RIVALS = 10  # best answers
SPANS = 50  # best phrases, among which the evidence of the answers is collected

_LARGEST = 1e9  # of fitted numbers; a sum of larger ones could overflow

FEATURES = (
    "margin",  # score less that of the best rival; negative for all but the best answer
    "log_margin",  # sign(margin) * log(1 + |margin|)
    "depth",  # score less that of the last of the best answers
    "share",  # log of the answer's share of exp(score), summed over its phrases, among all phrases of the best answers
    "phrases",  # log of the number of phrases that say the answer
    "same_document",  # share of the best answers that stand in the answer's document
    "phrase_words",
    "question_words",
    *SCORE_PARTS,
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
    """An answer to be judged: the text, its name, the parts of the score and the document of its best phrase."""

    text: str
    name: str  # the `answer_name` of the text
    parts: ScoreParts
    document: Hashable

    @classmethod
    def of(cls, answer: Answer) -> Candidate:
        """Take what counts of an answer."""
        return cls(answer.text, answer_name(answer.text), answer.parts, answer.document.id)


class RivalField:
    """The best answers to a question, at most `RIVALS` of them, best first, among the best `SPANS` phrases."""

    def __init__(self, question: str, rivals: Sequence[Rival]) -> None:
        self._question_words = len(question.split())
        self._rivals = rivals
        self._scores = {rival.name: rival.scores for rival in rivals}
        everything = [value for rival in rivals for value in rival.scores]
        self._everything = _log_sum_exp(everything) if everything else None
        self._documents = Counter(rival.document for rival in rivals)

    def features(self, candidate: Candidate) -> dict[str, float]:
        """Return the value of each of `FEATURES`.

        The candidate may be one of the rivals. Differences to a rival that does not exist are 0.
        """
        name, score, rivals = candidate.name, candidate.parts.total, self._rivals
        own = self._scores.get(name, (score,))
        share = _log_sum_exp(own)
        margin = score - next((rival.score for rival in rivals if rival.name != name), score)
        return {
            "margin": margin,
            "log_margin": math.copysign(math.log1p(abs(margin)), margin),
            "depth": score - rivals[-1].score if rivals else 0.0,
            "share": share - (share if self._everything is None else self._everything),
            "phrases": math.log(len(own)),
            "same_document": self._documents[candidate.document] / max(len(rivals), 1),
            "phrase_words": float(len(candidate.text.split())),
            "question_words": float(self._question_words),
            **{part: float(getattr(candidate.parts, part)) for part in SCORE_PARTS},
        }


def answer_features(question: str, candidate: Candidate, rivals: Sequence[Rival]) -> dict[str, float]:
    """Return the features of one answer among its rivals, see `RivalField`."""
    return RivalField(question, rivals).features(candidate)


def _log_sum_exp(scores: Sequence[float]) -> float:
    largest = max(scores)
    return largest + math.log(sum(math.exp(score - largest) for score in scores))


@dataclass(frozen=True, slots=True)
class ConfidenceModel(LogisticModel):
    """The probability that an answer matches a reference exactly; `later` says it of all answers but the best.

    Without `later`, as in encoders of former versions, the model of the best answer judges all of them.
    """

    later: LogisticModel | None = None

    def judge(self, question: str, candidates: Sequence[Candidate], rivals: Sequence[Rival]) -> list[float]:
        """Return the probability that each of some answers to a question is right.

        The first candidate is the best answer of all. Candidates that say the same are right together: with `later`,
        their probability is that of the best one.
        """
        field = RivalField(question, rivals)
        if self.later is None or not candidates:
            return [self.probability(field.features(candidate)) for candidate in candidates]
        chain, best = AnswerChain(self, self.later, field.features(candidates[0])), candidates[0].parts.total
        known, others, confidences = {candidates[0].name: chain.first}, iter(rivals[1:]), []
        for candidate in candidates:
            name = candidate.name
            while name not in known:
                rival = next(others, None)
                if rival is None:
                    known[name] = chain.following(candidate.parts.total - best)
                else:
                    known[rival.name] = chain.following(rival.score - best)
            confidences.append(known[name])
        return confidences

    def to_dict(self) -> dict[str, Any]:
        """Return the model as the configuration of an encoder holds it."""
        own = LogisticModel.to_dict(self)
        return own if self.later is None else {**own, "later": self.later.to_dict()}

    @classmethod
    def of(cls, confidence: Mapping[str, Any], setting: Setting) -> ConfidenceModel | None:
        """Take the model of a setting from a checked configuration; None where none was fitted."""
        model = confidence.get(setting)
        if model is None:
            return None
        later = model.get("later")
        return cls(
            model["weights"], model["bias"], None if later is None else LogisticModel(later["weights"], later["bias"])
        )


def missing_confidence(setting: Setting) -> SearchError:
    """Return the error for a least confidence with an encoder that was not fitted for it."""
    return SearchError(
        f"min_confidence needs an encoder with a confidence fitted for {setting} search, and this one has none. Fit it "
        "with 'densephrase calibrate' and give its output as the encoder to search with (--encoder), or leave "
        "min_confidence out."
    )


def check_confidence(confidence: Mapping[str, Any]) -> None:
    """Check what an encoder's configuration holds under `confidence`: {setting: {"bias": x, "weights": {name: x}}}.

    A setting may also have such an object under "later".

    Raises:
        EncoderError: if a setting or a feature is unknown, or a number is missing or not finite.
    """
    for setting, model in confidence.items():
        if setting not in SETTINGS:
            raise _fault(repr(setting), f"one of {', '.join(SETTINGS)}")
        later = {}
        if isinstance(model, dict) and "later" in model:
            model, later = {name: part for name, part in model.items() if name != "later"}, {"later": model["later"]}
        _check_model(setting, model, FEATURES)
        for name, part in later.items():
            _check_model(f"{setting}: {name}", part, LATER_FEATURES)


def _check_model(where: str, model: Any, features: Sequence[str]) -> None:
    if not isinstance(model, dict) or set(model) != {"bias", "weights"} or not isinstance(model["weights"], dict):
        raise _fault(f"{where}={model!r}", "an object of 'bias' and 'weights'")
    unknown = sorted(set(model["weights"]) - set(features))
    if unknown:
        raise _fault(f"weights of {', '.join(unknown)} under {where}", f"some of {', '.join(features)}")
    for name, value in (("bias", model["bias"]), *model["weights"].items()):
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
            raise _fault(f"{where}: {name}={value!r}", f"a finite number of at most {_LARGEST:g}")


def _fault(found: str, expected: str) -> EncoderError:
    return EncoderError(
        f"The encoder configuration has in its confidence {found}; expected {expected}. Fit it again with "
        "'densephrase calibrate', or take the confidence out."
    )
