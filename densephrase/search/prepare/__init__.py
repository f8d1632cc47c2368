"""Arguments of kernels: questions, an index, and how a phrase is scored."""
