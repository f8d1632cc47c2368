"""Training: the phrase encoder, the extractive reader, and query-side fine-tuning on an index."""
