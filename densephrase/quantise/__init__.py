"""Quantisation of vectors: one byte a dimension, product codes, and ends predicted from the starts before them."""
