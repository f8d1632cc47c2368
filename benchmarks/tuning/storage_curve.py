"""Exact match against bytes per token: quantisation, phrase filter, rank of sparse factors, size of vectors.

    python -m benchmarks storage_curve TRAIN_QUESTIONS [--encoder default] [--limit 1000] [--forms NAME...]
    python -m benchmarks storage_curve TRAIN_QUESTIONS --forms "every token, full rank" --save FOLDER

Asks held-out training questions (no dev) of their own paragraph (closed) and of all paragraphs of the held-out
articles, with terms (open). The first row stores everything as the model gives it: float32, every token, sparse vectors
of full rank (these in 8-bit codes, as always). The others take the form of an index and change one thing in it. An
encoder's dimensions are in the order of their importance, so fewer are just the first ones. Bytes are those of start
rows, end rows and sparse vectors. What is lost, against the first row of the table, has a 95 % interval of a paired
bootstrap over questions.

With `--save`, no questions are asked: the encoder of one form is written, to build a whole index with.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks.common.bootstrap import paired_difference
from benchmarks.quality.held_out_search import HeldOutFigures, HeldOutSearch, split_questions
from benchmarks.tuning.stored_form import StoredForm, rounded_by_row, unrounded
from densephrase.data import Question
from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.phrase.row_quantisers import RowQuantisers
from densephrase.encoder.tokens.padding import pad_batch
from densephrase.training.finish.factors import fit_factors

SHIFTS = (float("-inf"), -1.0, -0.5, 1.0)
RANKS = (64, 16, 4, 2, 1)
SHARES = (0.75, 0.5, 0.25)  # of the dimensions
SHIPPED = "as shipped"
EVERYTHING = "float32, every token, full rank"
_COLUMNS = (
    *("stored form", "starts kept", "ends kept", "bytes/token", "closed EM", "open EM"),
    "open EM lost [95 % interval]",
)


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions")
    parser.add_argument("--encoder", default="default")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--forms", nargs="+", metavar="NAME", help="rows of the table, the first one to compare with")
    parser.add_argument("--save", metavar="FOLDER", help="write the encoder of the one form that --forms names")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.save and len(options.forms or ()) != 1:
        parser.error("--save writes one form; name it with --forms")
    torch.set_num_threads(options.threads)
    trained, questions = split_questions(options.questions, options.limit)
    encoder = PhraseEncoder.from_pretrained(options.encoder)
    forms = _variants(encoder, hidden_states(encoder, trained))
    unknown = [name for name in options.forms or () if name not in forms]
    if unknown:
        parser.error(f"there is no form {unknown[0]!r}; choose from {', '.join(map(repr, forms))}")
    if options.save:
        forms[options.forms[0]].save(options.save)
        return
    print(f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|")
    reference: HeldOutFigures | None = None
    for name in options.forms or forms:
        search = HeldOutSearch(forms[name], questions)  # type: ignore[arg-type]
        found = search.open()
        lost = "" if reference is None else str(paired_difference(reference.correct, found.correct))
        reference = reference or found
        size = forms[name].row_bytes(search) / search.tokens
        print(
            f"| {name} | {search.starts / search.tokens:.1%} | {search.ends / search.tokens:.1%} "
            f"| {size:.0f} | {search.closed().exact_match:.2f} "
            f"| {found.exact_match:.2f} | {lost} |",
            flush=True,
        )


def _variants(encoder: PhraseEncoder, states: Tensor) -> dict[str, StoredForm]:
    full = refitted(encoder, states, encoder.config.sparc_size) if encoder.config.sparc_size else encoder
    variants = {EVERYTHING: StoredForm(full, shift=float("-inf"), rounding=unrounded)}
    variants["every token, full rank"] = StoredForm(full, shift=float("-inf"))
    variants[SHIPPED] = StoredForm(encoder)
    variants["float32"] = StoredForm(encoder, rounding=unrounded)
    variants["8 bits, a scale for each row"] = StoredForm(encoder, rounding=rounded_by_row)
    for shift in SHIFTS:
        name = "every token" if shift == float("-inf") else f"filter thresholds {shift:+}"
        variants[name] = StoredForm(encoder, shift=shift)
    if encoder.config.sparc_size:
        variants |= {f"sparse rank {rank}": StoredForm(refitted(encoder, states, rank)) for rank in RANKS}
    for share in SHARES:
        dimensions = round(share * encoder.config.vector_size)
        variants[f"{dimensions} dimensions"] = StoredForm(encoder, dimensions=dimensions)
    return variants


def hidden_states(encoder: PhraseEncoder, questions: Sequence[Question]) -> Tensor:
    """Return hidden states of the questions' first 256 paragraphs, (tokens, H), to fit factors to."""
    paragraphs = list(dict.fromkeys(ParagraphInput(q.context or "", q.title) for q in questions))[:256]
    states = []
    for window in encoder.tokeniser.paragraphs(paragraphs).windows:
        ids, mask = pad_batch([window.input_ids], encoder.config.pad_token_id)
        with torch.inference_mode():
            states.append(encoder.model.hidden(ids, mask)[0, window.first : -1])
    return torch.cat(states).clone()


def refitted(encoder: PhraseEncoder, states: Tensor, rank: int) -> PhraseEncoder:
    """Return the encoder with sparse factors of another rank, fitted to `states`."""
    if encoder.model.sparc is None:
        raise SystemExit("The encoder has no sparse vectors.")
    model = copy.copy(encoder.model)
    model.config = replace(encoder.config, sparc_rank=rank)
    factors = fit_factors(encoder.model.sparc, states, rank)
    quantisers = RowQuantisers(encoder.start_quantiser, encoder.end_quantiser, factors)
    return PhraseEncoder(model, encoder.tokeniser, quantisers)


if __name__ == "__main__":
    main()
