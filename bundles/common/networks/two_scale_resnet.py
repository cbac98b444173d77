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

    by_axes = False
    """Whether the middle is enlarged axis by axis: quicker on a CPU, the same but for rounding."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve both channels."""
        a, b, c = x.shape[2] // 4, x.shape[3] // 4, x.shape[4] // 4
        middle = x[:, :, a : 3 * a, b : 3 * b, c : 3 * c]
        if self.by_axes:
            both = x.new_empty((x.shape[0], 2, *x.shape[2:]))
            both[:, :1] = x
            both[:, 1:] = doubled(middle.float())
        else:
            zoomed = interpolate(middle, scale_factor=2.0, mode="trilinear", align_corners=False)
            both = torch.cat([x, zoomed], dim=1)
        result: torch.Tensor = self._conv_forward(both, self.weight, self.bias)
        return result


def doubled(x: torch.Tensor) -> torch.Tensor:
    """Linear interpolation to twice the voxels by one small matrix for each axis.

    Args:
        x: float32, shape (B, C, X, Y, Z).

    Returns:
        Shape (B, C, 2X, 2Y, 2Z): what ``interpolate`` with ``align_corners=False`` gives.
    """
    first, second, third = (_doubling(n, x.device) for n in x.shape[2:])
    x = torch.matmul(second, x @ third.T)
    return torch.matmul(first, x.flatten(3)).unflatten(3, (len(second), len(third)))


def _doubling(size: int, device: torch.device) -> torch.Tensor:
    """Matrix of shape (2 size, size): a quarter of the next voxel and three of the nearest."""
    matrix = torch.zeros(2 * size, size, device=device)
    voxel = torch.arange(size, device=device)
    for parity, beside in ((0, voxel - 1), (1, voxel + 1)):
        matrix[2 * voxel + parity, voxel] += 0.75
        matrix[2 * voxel + parity, beside.clamp(0, size - 1)] += 0.25
    return matrix


def enlarge_by_axes(network: nn.Module) -> int:
    """Let every two-scale convolution enlarge its middle axis by axis; for inference.

    Returns:
        How many there are.
    """
    found = [module for module in network.modules() if isinstance(module, TwoScaleConv3d)]
    for module in found:
        module.by_axes = True
    return len(found)


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
        first: nn.Conv3d = self.get_submodule("conv1")
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
