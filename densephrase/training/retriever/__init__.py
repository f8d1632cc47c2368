"""Training of passage encoders with in-batch and hard negatives."""
