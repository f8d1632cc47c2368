"""The index format: the manifest, and the columns of a shard."""
