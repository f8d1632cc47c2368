"""A corpus to a passage index."""
