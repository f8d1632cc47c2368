"""Passage encoders as others publish them: sentence-transformers folders and DPR, read file by file."""
