"""Reading the training data into items, and preparing each study once."""
