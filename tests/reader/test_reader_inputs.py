"""Inputs of the reader: where the question ends, and what is paragraph, question and padding."""

from __future__ import annotations

from densephrase.reader.inputs import ReaderInput, pad_reader_inputs, reader_input

CLS, SEP, PAD = 2, 3, 0


def test_the_title_of_a_window_stays_out() -> None:
    question, window = [CLS, 20, 21, SEP], [CLS, 7, 8, SEP, 10, 11, 12, SEP]
    assert reader_input(question, window, 4, 7) == ReaderInput([CLS, 20, 21, SEP, 10, 11, 12, SEP], 4)


def test_masks_tell_paragraph_from_question_and_padding() -> None:
    inputs = [ReaderInput([CLS, 20, SEP, 10, 11, SEP], 3), ReaderInput([CLS, 20, 21, 22, SEP, 10, 11, 12, SEP], 5)]
    batch = pad_reader_inputs(inputs, PAD)
    assert batch.input_ids.tolist() == [[*inputs[0].input_ids, PAD, PAD, PAD], inputs[1].input_ids]
    assert batch.mask.int().tolist() == [[1] * 6 + [0] * 3, [1] * 9]
    assert batch.token_mask.int().tolist() == [[0, 0, 0, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, 1, 0]]
