"""The formats of a corpus: one module each, which yields the documents of a file."""
