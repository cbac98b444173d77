"""What is in the training data: counts, balance, duplicates and what looks wrong."""
