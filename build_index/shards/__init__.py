"""Shards: encoded, and written column by column."""
