"""A plain 3D convolutional classifier of a crop."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from monai.networks.blocks import Convolution
from torch import nn


class CropClassifier(nn.Module):
    """Two classes from a crop of fixed size.

    Batch norm of the input, then blocks of two 3x3x3 convolutions with ReLU and a max pool that
    halves each edge, then one linear layer over what is left: the classifier of 'Deep Learning with
    PyTorch' (Stevens, Antiga, Viehmann, Manning 2020, chapters 11 to 14).

    Args:
        crop_size: edges of the input in voxels; each a multiple of 2 to the number of blocks.
        features: channels of each block.

    Shapes: (B, 1, *crop_size) to (B, 2), the logits of 'no' and 'yes'.
    """

    def __init__(self, crop_size: Sequence[int], features: Sequence[int]) -> None:
        super().__init__()
        shrink = 2 ** len(features)
        if any(n % shrink for n in crop_size):
            raise ValueError(f"crop_size {list(crop_size)} is no multiple of {shrink}")
        self.norm = nn.BatchNorm3d(1)
        widths = [1, *features]
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(
                    Convolution(3, a, b, adn_ordering="A", act="RELU", norm=None),
                    Convolution(3, b, b, adn_ordering="A", act="RELU", norm=None),
                    nn.MaxPool3d(2),
                )
                for a, b in pairwise(widths)
            )
        )
        self.head = nn.Linear(features[-1] * prod(n // shrink for n in crop_size), 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits; see the class for the shapes."""
        logits: torch.Tensor = self.head(self.blocks(self.norm(x)).flatten(1))
        return logits
