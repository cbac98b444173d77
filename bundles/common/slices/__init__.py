"""Training of the part of the nodule classifier that reads single slices."""
