"""Training examples, the articles held out from them, and what they could be mistaken for."""
