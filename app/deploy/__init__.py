"""Nodulus in other people's systems: MONAI Deploy, containers, mercure."""
