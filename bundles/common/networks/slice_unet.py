"""A 2D U-Net that reads neighbouring slices as channels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.blocks import Convolution
from torch import nn
from torch.nn import functional as F


def _two_convolutions(channels_in: int, channels_out: int) -> nn.Sequential:
    """Twice: 3x3 convolution that keeps the size, ReLU, batch norm."""
    return nn.Sequential(
        *(
            Convolution(2, n, channels_out, adn_ordering="AN", act="RELU", norm="BATCH")
            for n in (channels_in, channels_out)
        )
    )


class _UpStep(nn.Module):
    """Double the size, put the map of the way down beside it, convolve."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.grow = nn.ConvTranspose2d(channels_in, channels_out, kernel_size=2, stride=2)
        self.convolutions = _two_convolutions(2 * channels_out, channels_out)

    def forward(self, below: torch.Tensor, beside: torch.Tensor) -> torch.Tensor:
        both = torch.cat([self.grow(below), beside], dim=1)
        result: torch.Tensor = self.convolutions(both)
        return result


class SliceUNet(nn.Module):
    """The mask of a slice from the slice and its neighbours ("2.5D").

    A U-Net (Ronneberger et al., MICCAI 2015, doi:10.1007/978-3-319-24574-4_28) with padded
    convolutions, batch norm of the input and after each ReLU, average pooling on the way down and
    transposed convolutions on the way up: the segmentation network of 'Deep Learning with PyTorch'
    (Stevens, Antiga, Viehmann, Manning 2020, chapter 13).

    Args:
        slices: neighbouring slices, an odd number; they are the input's channels in the order of
            the scan.
        features: channels at full size, at half of it, and so on.

    Shapes: (B, slices, H, W) to (B, 1, H, W), the logit of 'nodule' in the middle slice. Edges that
    pooling does not divide are repeated, and cut off again.
    """

    def __init__(self, slices: int, features: Sequence[int]) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(slices)
        widths = [slices, *features]
        self.down = nn.ModuleList(_two_convolutions(a, b) for a, b in pairwise(widths))
        upwards = list(reversed(features))
        self.up = nn.ModuleList(_UpStep(a, b) for a, b in pairwise(upwards))
        self.head = nn.Conv2d(features[0], 1, kernel_size=1)
        self.stride = 2 ** (len(features) - 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits; see the class for the shapes."""
        height, width = x.shape[-2:]
        pad = (0, -width % self.stride, 0, -height % self.stride)
        x = self.norm(F.pad(x, pad, mode="replicate") if any(pad) else x)
        beside: list[torch.Tensor] = []
        for level, convolutions in enumerate(self.down):
            x = convolutions(x if level == 0 else F.avg_pool2d(x, 2))
            beside.append(x)
        for step, level_map in zip(self.up, reversed(beside[:-1]), strict=True):
            x = step(x, level_map)
        logits: torch.Tensor = self.head(x)
        return logits[..., :height, :width]
