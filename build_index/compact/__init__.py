"""Compact profile, build side: codebooks, and end rows after the lists."""
