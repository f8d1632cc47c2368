"""Shards: documents, paragraphs and their kept start and end rows."""
