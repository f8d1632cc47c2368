"""The formats of a corpus: one module each, whose `SUFFIXES` says what yields the documents of a file."""
