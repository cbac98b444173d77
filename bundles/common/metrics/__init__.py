"""Metrics that MONAI and Ignite do not have."""
