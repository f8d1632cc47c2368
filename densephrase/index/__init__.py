"""The index format: columns, shards, inverted lists and the manifest that binds them."""
