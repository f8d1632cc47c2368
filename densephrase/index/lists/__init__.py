"""Inverted lists over start vectors."""
