"""A ResNet that sees a place at two scales."""

from __future__ import annotations

from typing import Any

import torch
from monai.networks.nets.resnet import ResNet
from torch.nn.functional import interpolate


class TwoScaleResNet(ResNet):
    """MONAI's 3D ResNet on a cube and, as a second channel, its middle at twice the scale.

    The cube holds what a nodule lies in; in the enlarged middle a nodule of 4 mm is still several
    voxels wide after the first strided convolution. The parameters have the names of
    :class:`monai.networks.nets.resnet.ResNet` with two input channels (multi-scale inputs for
    nodule classification: Shen et al., IPMI 2015, doi:10.1007/978-3-319-19992-4_46).

    Args:
        options: of the ResNet, without ``n_input_channels``.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(n_input_channels=2, **options)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of cubes.

        Args:
            x: shape (B, 1, X, Y, Z), every edge a multiple of 4.

        Returns:
            Shape (B, classes).
        """
        a, b, c = x.shape[2] // 4, x.shape[3] // 4, x.shape[4] // 4
        middle = x[:, :, a : 3 * a, b : 3 * b, c : 3 * c]
        zoomed = interpolate(middle, scale_factor=2.0, mode="trilinear", align_corners=False)
        logits: torch.Tensor = super().forward(torch.cat([x, zoomed], dim=1))
        return logits
