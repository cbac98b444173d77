"""Training data: prepared scans, masks, the phantom, and what is in them."""
