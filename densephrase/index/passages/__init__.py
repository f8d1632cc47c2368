"""A passage index on disk: paragraphs with their vectors and terms, opened and checked."""
