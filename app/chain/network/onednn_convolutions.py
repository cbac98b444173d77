"""3D convolutions by oneDNN whatever the size of their input.

For a single image PyTorch takes oneDNN only where channels times slices times rows exceed 20,480
(``use_mkldnn`` in ATen's Convolution.cpp), and else computes the convolution by one matrix product
after copying each voxel's neighbours. A crop around one nodule lies below that, where oneDNN takes
a half to a twentieth of the time. An activation that follows, and a sum with what is there already,
are computed by oneDNN while it writes the result, which saves a pass over memory each. All of it is
the same up to rounding.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from monai.networks.blocks import Convolution
from torch import nn

from nodulus.app.chain.network.inplace_layers import InPlacePReLU, InPlaceResidual


class OneDnnConv3d(nn.Conv3d):
    """A convolution that goes to oneDNN in float32 on a CPU, and PyTorch's way elsewhere.

    Attributes:
        slope: of a leaky ReLU that follows; None for none.
    """

    slope: float | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve (B, C, X, Y, Z)."""
        if not self._goes_to_onednn(x):
            result = super().forward(x)
            return result if self.slope is None else nn.functional.leaky_relu_(result, self.slope)
        if self.slope is None:
            return torch.mkldnn_convolution(x, self.weight, self.bias, *self._how())
        fused: torch.Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self.weight, self.bias, *self._how(), "leaky_relu", [self.slope], ""
        )
        return fused

    def add_to(self, target: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Add the convolution of x, without an activation, to a target, which is overwritten."""
        if self.slope is not None or not self._goes_to_onednn(x) or not _has_fused():
            return target.add_(self(x))
        sum_: torch.Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
            target, x, self.weight, self.bias, *self._how(), "add", 1.0, None, [], None
        )
        return sum_

    def _goes_to_onednn(self, x: torch.Tensor) -> bool:
        return (
            x.device.type == "cpu"
            and x.dtype == self.weight.dtype == torch.float32
            and not (x.requires_grad and torch.is_grad_enabled())
            and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
        )

    def _how(self) -> tuple[Any, ...]:
        return self.padding, self.stride, self.dilation, self.groups


@cache
def _has_fused() -> bool:
    """Whether this torch has the two operators, which are not public, in the form used here."""
    try:
        known = {
            torch.ops.mkldnn._convolution_pointwise.default,
            torch.ops.mkldnn._convolution_pointwise_.binary,
        }
    except AttributeError:
        return False
    return {len(operator._schema.arguments) for operator in known} == {10, 13}


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
            setattr(module, name, quick_convolution(child, child.weight, child.bias))
            count += 1
    return count


def quick_convolution(
    conv: nn.Conv3d, weight: torch.Tensor, bias: torch.Tensor | None
) -> OneDnnConv3d:
    """A convolution as another one with these parameters, which are not copied.

    Args:
        conv: its strides, padding, dilation and groups are taken.
        weight: a parameter, shape (out channels, in channels a group, X, Y, Z).
        bias: a parameter, shape (out channels,).
    """
    quick = OneDnnConv3d(
        weight.shape[1] * conv.groups,
        weight.shape[0],
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        conv.dilation,  # type: ignore[arg-type]
        conv.groups,
        device="meta",  # the parameters are those that are there
    )
    quick.weight, quick.bias = weight, bias
    return quick.train(conv.training)


class FusedResidual(nn.Module):
    """An in-place residual unit whose shortcut is a convolution that oneDNN adds to the result.

    Args:
        unit: its parts are taken over.
        shortcut: that convolution.
    """

    def __init__(self, unit: InPlaceResidual, shortcut: OneDnnConv3d) -> None:
        super().__init__()
        self.conv, self.residual = unit.conv, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute (B, C, X, Y, Z)."""
        return self.residual.add_to(self.conv(x), x)


def fuse_steps(network: nn.Module) -> int:
    """Have oneDNN compute the activations and sums that follow its convolutions, in place.

    Args:
        network: after :func:`use_onednn` and
            :func:`~nodulus.app.chain.network.inplace_layers.compute_in_place`.

    Returns:
        How many there are; none where this torch cannot.
    """
    if not _has_fused():
        return 0
    count = 0
    for module in list(network.modules()):
        if isinstance(module, Convolution):
            count += _fuse_activation(module)
        for name, child in list(module.named_children()):
            if isinstance(child, InPlaceResidual) and isinstance(child.residual, OneDnnConv3d):
                setattr(module, name, FusedResidual(child, child.residual))
                count += 1
    return count


def _fuse_activation(block: Convolution) -> bool:
    conv, adn = block._modules.get("conv"), block._modules.get("adn")
    if not isinstance(conv, OneDnnConv3d) or adn is None:
        return False
    *before, last = adn._modules.items()
    if last[0] != "A" or not isinstance(last[1], InPlacePReLU):
        return False
    if not all(isinstance(module, (nn.Identity, nn.Dropout)) for _, module in before):
        return False
    conv.slope = float(last[1].weight.detach())
    adn.A = nn.Identity()
    return True
