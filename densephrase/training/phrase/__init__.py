"""Training of the phrase encoder."""
