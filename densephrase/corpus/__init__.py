"""Corpora: readers of many formats that yield documents, and how documents are cut for the encoder."""
