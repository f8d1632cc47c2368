"""What only a compact index needs: codebooks, and end rows after the lists."""
