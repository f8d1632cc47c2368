"""The question side: questions become vectors, by onnxruntime or by torch."""
