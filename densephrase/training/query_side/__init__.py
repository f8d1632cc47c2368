"""Query-side fine-tuning: the question heads learn from what an index really holds."""
