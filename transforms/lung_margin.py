"""How much is kept around the lungs, in training and inference alike."""

LUNG_MARGIN_MM = 24.0
"""A network's answer for a voxel of the lungs rests on about so much around it; the crop's first
voxel, and with it the networks' grid, follows from it too."""
