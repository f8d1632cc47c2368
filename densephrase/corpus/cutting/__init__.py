"""Segmentation of a document: paragraphs, sentences, and the characters that a reader sees."""
