"""Question files: one module a format, and what makes a question of a row."""
