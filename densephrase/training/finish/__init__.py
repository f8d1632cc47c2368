"""What is done to the weights of a phrase encoder beside its gradient steps."""
