"""Search of an index: candidates, exact scores, best ends, grouped answers."""
