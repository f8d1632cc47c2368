"""Passage encoder: a paragraph becomes one vector, and so does a question (DPR)."""
