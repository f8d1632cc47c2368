"""Evaluation: how many questions are answered right, closed or over an index, and how fast."""
