"""What kernels are told: of questions, of an index, and of how a phrase is scored."""
