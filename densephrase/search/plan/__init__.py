"""What a search is asked for, and how hard it looks."""
