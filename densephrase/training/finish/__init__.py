"""Around the gradient steps of a phrase encoder: truncation, interpolation, phrase filter, calibration."""
