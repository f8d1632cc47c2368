"""Inverted lists: trained, assigned, and written list by list."""
