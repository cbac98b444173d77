"""A ResNet that sees a place at two scales."""

from __future__ import annotations

from typing import Any

import torch
from monai.networks.nets.resnet import ResNet
from torch import nn
from torch.nn.functional import interpolate


class TwoScaleConv3d(nn.Conv3d):
    """A convolution of an image of one channel and its middle, enlarged twice, as a second one.

    Takes (B, 1, X, Y, Z), every edge a multiple of 4; the parameters are those of a ``Conv3d`` with
    two input channels.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve both channels."""
        a, b, c = x.shape[2] // 4, x.shape[3] // 4, x.shape[4] // 4
        middle = x[:, :, a : 3 * a, b : 3 * b, c : 3 * c]
        zoomed = interpolate(middle, scale_factor=2.0, mode="trilinear", align_corners=False)
        both: torch.Tensor = torch.cat([x, zoomed], dim=1)
        result: torch.Tensor = self._conv_forward(both, self.weight, self.bias)
        return result


class TwoScaleResNet(ResNet):
    """MONAI's 3D ResNet on a cube and, as a second channel, its middle at twice the scale.

    The cube holds what a nodule lies in; in the enlarged middle a nodule of 4 mm is still several
    voxels wide after the first strided convolution. The parameters have the names of
    :class:`monai.networks.nets.resnet.ResNet` with two input channels (multi-scale inputs for
    nodule classification: Shen et al., IPMI 2015, doi:10.1007/978-3-319-19992-4_46). Takes cubes of
    shape (B, 1, X, Y, Z), every edge a multiple of 4, and gives logits, shape (B, classes).

    Args:
        options: of the ResNet, without ``n_input_channels``.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(n_input_channels=2, **options)
        first = self.get_submodule("conv1")
        assert isinstance(first, nn.Conv3d)
        both = TwoScaleConv3d(
            2,
            first.out_channels,
            first.kernel_size,  # type: ignore[arg-type]
            first.stride,  # type: ignore[arg-type]
            first.padding,  # type: ignore[arg-type]
            bias=first.bias is not None,
        )
        both.load_state_dict(first.state_dict())
        self.conv1 = both
