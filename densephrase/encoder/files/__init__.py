"""An encoder on disk: where it is, its weights, and the backbone that a new one starts from."""
