"""What an index is made of: the manifest, and the columns of a shard."""
