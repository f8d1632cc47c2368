"""An extractive reader with cross-attention: the teacher of the phrase encoder, and a reader of retrieved passages."""
