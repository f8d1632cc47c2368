"""Phrase encoder: paragraphs become filtered, quantised start and end vectors; questions become vectors."""
