"""Confidence of answers: the probability that one is right; its model, its fit, and measures of it."""
