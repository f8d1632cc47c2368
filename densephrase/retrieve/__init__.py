"""Passage retrievers behind one protocol: terms, vectors, both, and a phrase index that returns paragraphs."""
