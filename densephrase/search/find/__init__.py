"""Candidates, and the best spans among them."""
