"""Training examples: questions with paragraphs, held-out articles, hard negatives, and the logits of a teacher."""
