"""Contrastive learning with large batches: in-batch negatives, of all processes, with cached gradients."""
