"""Convolutions with one output channel, computed for the eight voxels of a 2x2x2 block at once.

One channel uses a small part of a CPU's vector units, eight use them all (sub-pixel convolution:
Shi et al., CVPR 2016). The sums are the same up to rounding.
"""

from __future__ import annotations

from itertools import product

import torch
from monai.networks.blocks import Convolution
from monai.networks.nets.unet import UNet
from torch import nn

_PHASES = list(product((0, 1), repeat=3))


class BlockwiseConv(nn.Module):
    """A 3x3x3 convolution of one channel into one, from blocks to blocks.

    Args:
        conv: stride 1, padding 1, one channel in and out.
    """

    def __init__(self, conv: nn.Conv3d) -> None:
        super().__init__()
        self.conv = nn.Conv3d(8, 8, 3, padding=1, bias=conv.bias is not None)
        weight = torch.zeros_like(self.conv.weight)
        for (out, a), tap in product(enumerate(_PHASES), product(range(3), repeat=3)):
            # The voxel at phase a + tap - 1 lies in the block `step` away, at phase `into`.
            place = [p + t - 1 for p, t in zip(a, tap, strict=True)]
            step, into = [p // 2 for p in place], [p % 2 for p in place]
            x, y, z = (s + 1 for s in step)
            weight[out, _PHASES.index((into[0], into[1], into[2])), x, y, z] += conv.weight[
                0, 0, tap[0], tap[1], tap[2]
            ]
        _set(self.conv, weight, conv.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve blocks of shape (B, 8, X/2, Y/2, Z/2)."""
        result: torch.Tensor = self.conv(x)
        return result


class BlockwiseUpsampling(nn.Module):
    """A 3x3x3 transposed convolution into one channel that doubles each edge, to blocks.

    Args:
        conv: stride 2, padding 1, output padding 1, one channel out.
    """

    def __init__(self, conv: nn.ConvTranspose3d) -> None:
        super().__init__()
        self.conv = nn.Conv3d(conv.in_channels, 8, 2, padding=1, bias=conv.bias is not None)
        weight = torch.zeros_like(self.conv.weight)
        for (out, a), tap in product(enumerate(_PHASES), product((0, 1), repeat=3)):
            # Even voxels see one voxel of the input, through the kernel's middle; odd ones see
            # that one through its end and the next one through its beginning.
            if all(p == 1 or t == 0 for p, t in zip(a, tap, strict=True)):
                k = [1 if p == 0 else 2 - 2 * t for p, t in zip(a, tap, strict=True)]
                weight[out, :, tap[0], tap[1], tap[2]] = conv.weight[:, 0, k[0], k[1], k[2]]
        _set(self.conv, weight, conv.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve (B, C, X, Y, Z) to blocks of shape (B, 8, X, Y, Z)."""
        result: torch.Tensor = self.conv(x)[..., 1:, 1:, 1:]
        return result


class ToVoxels(nn.Module):
    """:func:`to_voxels` as a layer."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (B, 8, X, Y, Z) to (B, 1, 2X, 2Y, 2Z)."""
        return to_voxels(x)


def _set(conv: nn.Conv3d, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
    conv.weight = nn.Parameter(weight.detach(), requires_grad=False)
    if bias is not None:
        conv.bias = nn.Parameter(bias.detach().expand(8).clone(), requires_grad=False)


def to_voxels(x: torch.Tensor) -> torch.Tensor:
    """Shape (B, 8, X, Y, Z), a channel for each place in a block, to (B, 1, 2X, 2Y, 2Z)."""
    b, _, nx, ny, nz = x.shape
    split = x.reshape(b, 2, 2, 2, nx, ny, nz).permute(0, 4, 1, 5, 2, 6, 3)
    return split.reshape(b, 1, 2 * nx, 2 * ny, 2 * nz)


def compute_blockwise(network: UNet) -> bool:
    """Let the last level of MONAI's UNet compute in blocks up to its result, in place.

    Only where all of it allows that: one channel, an upsampling by 2 and plain convolutions after
    it, with activations that treat all voxels alike.

    Args:
        network: must be run on even edges afterwards.

    Returns:
        Whether it was rewritten.
    """
    model = network.model
    if not isinstance(model, nn.Sequential):
        return False
    top = model[-1]
    steps = [m for m in top.modules() if isinstance(m, Convolution)]
    convs = [step.get_submodule("conv") for step in steps]
    if not convs or not _doubles(convs[0]) or not all(map(_keeps_one_channel, convs[1:])):
        return False
    if not all(map(_treats_voxels_alike, top.modules())):
        return False
    for step, conv in zip(steps, convs, strict=True):
        if isinstance(conv, nn.ConvTranspose3d):
            step.conv = BlockwiseUpsampling(conv)
        elif isinstance(conv, nn.Conv3d):
            step.conv = BlockwiseConv(conv)
    model[-1] = nn.Sequential(*(top if isinstance(top, nn.Sequential) else [top]), ToVoxels())
    return True


def _doubles(conv: nn.Module) -> bool:
    return (
        isinstance(conv, nn.ConvTranspose3d)
        and _is_plain(conv)
        and (conv.out_channels, conv.stride, conv.output_padding) == (1, (2, 2, 2), (1, 1, 1))
    )


def _keeps_one_channel(conv: nn.Module) -> bool:
    return (
        isinstance(conv, nn.Conv3d)
        and _is_plain(conv)
        and (conv.in_channels, conv.out_channels, conv.stride) == (1, 1, (1, 1, 1))
    )


def _treats_voxels_alike(module: nn.Module) -> bool:
    """Whether a part of the last level may see blocks instead of voxels."""
    known = (nn.Conv3d, nn.ConvTranspose3d, nn.Identity, nn.Dropout, nn.ReLU, nn.LeakyReLU)
    if isinstance(module, nn.PReLU):
        return module.num_parameters == 1
    return isinstance(module, known) or any(True for _ in module.children())


def _is_plain(conv: nn.Conv3d | nn.ConvTranspose3d) -> bool:
    return (
        conv.kernel_size == (3, 3, 3)
        and conv.padding == (1, 1, 1)
        and conv.dilation == (1, 1, 1)
        and conv.groups == 1
        and conv.padding_mode == "zeros"
    )
