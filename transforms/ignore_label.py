"""The label of voxels that nobody has judged."""

from __future__ import annotations

IGNORE_LABEL = 255
"""In a label volume: neither nodule nor background; losses and scores leave it out."""
