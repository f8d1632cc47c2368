"""Find passages instead of phrases: by terms (BM25), by vectors (DPR), by both, or with a phrase index."""
