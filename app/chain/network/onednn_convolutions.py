"""3D convolutions by oneDNN whatever the size of their input.

For a single image PyTorch takes oneDNN only where channels times slices times rows exceed 20,480
(``use_mkldnn`` in ATen's Convolution.cpp), and else computes the convolution by one matrix product
after copying each voxel's neighbours. A crop around one nodule lies below that, where oneDNN takes
a half to a twentieth of the time. The sums are the same up to rounding.
"""

from __future__ import annotations

import torch
from torch import nn


class OneDnnConv3d(nn.Conv3d):
    """A convolution that goes to oneDNN in float32 on a CPU, and PyTorch's way elsewhere."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve (B, C, X, Y, Z)."""
        if (
            x.device.type != "cpu"
            or not x.dtype == self.weight.dtype == torch.float32
            or (x.requires_grad and torch.is_grad_enabled())
            or not torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        ):
            return super().forward(x)
        return torch.mkldnn_convolution(
            x,
            self.weight,
            self.bias,
            self.padding,  # type: ignore[arg-type]
            self.stride,
            self.dilation,
            self.groups,
        )


def use_onednn(network: nn.Module) -> int:
    """Have the 3D convolutions of a network computed by oneDNN, in place.

    Convolutions with another padding than zeros, and those of derived classes, stay.

    Args:
        network: must only be run without gradients afterwards.

    Returns:
        How many there are.
    """
    count = 0
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if (
                type(child) is not nn.Conv3d
                or child.padding_mode != "zeros"
                or isinstance(child.padding, str)
            ):
                continue
            setattr(module, name, _quick(child))
            count += 1
    return count


def _quick(conv: nn.Conv3d) -> OneDnnConv3d:
    quick = OneDnnConv3d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        conv.dilation,  # type: ignore[arg-type]
        conv.groups,
        device="meta",  # the parameters are those that are there
    )
    quick.weight, quick.bias = conv.weight, conv.bias
    return quick.train(conv.training)
