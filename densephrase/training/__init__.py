"""Training of the phrase encoder, its phrase filter and its quantisers."""
