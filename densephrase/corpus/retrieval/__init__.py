"""Questions with passages: what retrievers are trained on, and what they found."""
