"""How likely an answer is to be right: the model, its fit, and how good it is."""
