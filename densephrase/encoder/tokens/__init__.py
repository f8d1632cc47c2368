"""Text as the encoder takes it: word pieces, the windows of long paragraphs, padded batches."""
