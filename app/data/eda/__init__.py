"""What is in the training data, and what looks wrong."""
