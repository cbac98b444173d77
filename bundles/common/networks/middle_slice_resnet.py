"""A ResNet that reads the middle slice of a cube at two scales."""

from __future__ import annotations

from typing import Any

import torch
from monai.networks.nets.resnet import ResNet
from torch import nn
from torch.nn.functional import interpolate


class MiddleSliceResNet(nn.Module):
    """MONAI's 2D ResNet on the axial slice in a cube's middle and the slice's middle, enlarged.

    Most of what is publicly rated of real nodules is their largest axial slice; this network learns
    from slices alone and takes cubes, so that a chain that cuts cubes can use it. The slices next
    to the middle are read as well, and the logits' mean is the answer, because the middle of a
    candidate may lie beside the nodule's largest slice.

    Args:
        outputs: how many logits of the head are given, the first ones. A head that learnt several
            ratings gives the first alone where one answer is wanted.
        neighbours: slices read on either side of the middle, 0 for the middle alone; 0 while
            training.
        options: of the ResNet, without ``spatial_dims`` and ``n_input_channels``.

    Shapes: (B, 1, X, Y, Z), Z across the slices, X and Y multiples of 4, to (B, outputs).
    """

    def __init__(self, outputs: int = 1, neighbours: int = 1, **options: Any) -> None:
        super().__init__()
        self.resnet = ResNet(spatial_dims=2, n_input_channels=2, **options)
        self.outputs = outputs
        self.neighbours = neighbours

    def _of_slice(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x.shape[2] // 4, x.shape[3] // 4
        middle = x[:, :, a : 3 * a, b : 3 * b]
        zoomed = interpolate(middle, scale_factor=2.0, mode="bilinear", align_corners=False)
        logits: torch.Tensor = self.resnet(torch.cat([x, zoomed], dim=1))
        return logits

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits; see the class for the shapes."""
        return self.every_output(x)[:, : self.outputs]

    def every_output(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of all that the head has learnt, however many are asked for: (B, all)."""
        middle = x.shape[-1] // 2
        reach = 0 if self.training else min(self.neighbours, middle, x.shape[-1] - 1 - middle)
        levels = range(middle - reach, middle + reach + 1)
        return torch.stack([self._of_slice(x[..., level]) for level in levels]).mean(dim=0)
