"""Options of a search, its strategy, and its numbers of candidates."""
