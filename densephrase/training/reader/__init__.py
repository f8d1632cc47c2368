"""Training of the extractive reader."""
