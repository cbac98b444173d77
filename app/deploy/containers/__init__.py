"""The container image and the programs that run in it."""
