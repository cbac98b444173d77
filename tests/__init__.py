"""The tests; those of a folder of the checkout are in the folder of its name."""
