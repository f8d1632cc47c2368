"""Bytes on disk: files of columns, strict records, atomic writes; it knows nothing of phrases."""
