"""The three MONAI bundles and what they share."""
