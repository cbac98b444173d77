"""How the networks compute: in bfloat16 where the CPU has instructions for it, else in float32."""

from __future__ import annotations

import copy
import math
from typing import Literal

import torch
from monai.networks.nets.resnet import ResNet
from monai.networks.nets.unet import UNet
from torch import nn
from torch.nn.utils.memory_format import (
    convert_conv2d_weight_memory_format,
    convert_conv3d_weight_memory_format,
)

from nodulus.app.chain.model_service.remote_network import RemoteNetwork
from nodulus.app.chain.network.batchnorm_folding import fold_batch_norm
from nodulus.app.chain.network.blockwise import compute_blockwise
from nodulus.app.chain.network.inplace_layers import compute_in_place
from nodulus.app.chain.network.onednn_convolutions import fuse_steps, use_onednn
from nodulus.app.chain.network.patch_network import PatchNetwork, SingleLook
from nodulus.app.chain.network.two_scale import split_two_scale
from nodulus.app.chain.network.unet_stages import UNetStages, has_stages

Precision = Literal["float32", "bfloat16"]
PrecisionSetting = Literal["auto", "float32", "bfloat16"]


def choose_precision(setting: PrecisionSetting, device: torch.device) -> Precision:
    """What ``auto`` means here.

    On a CPU bfloat16 pays where it is computed at a higher rate than float32: with AMX, and with
    AMD's AVX512-BF16 (Zen 4). With Intel's AVX512-BF16 alone it takes 1.5 to 2 times as long as
    float32, and on a CPU with neither longer still; see ``docs/performance.md``. A rule and not a
    measurement, so that one machine always gives the same answers. A GPU is quick enough in
    float32.
    """
    if setting != "auto":
        return setting
    if device.type != "cpu":
        return "float32"
    # Older versions of torch know of AMX alone.
    has: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    has_amx = has.get("amx_bf16", getattr(torch.cpu, "_is_amx_tile_supported", bool)())
    is_amd = has.get("sse4a", False)  # which no other maker's processors have
    pays = has_amx or (has.get("avx512_bf16", False) and is_amd)
    return "bfloat16" if pays else "float32"


class Accelerated(nn.Module):
    """A network rewritten for inference; takes and gives float32.

    Args:
        network: MONAI's UNet or ResNet in evaluation mode; it is copied.
        precision: of the weights and of what flows between the layers.
    """

    def __init__(self, network: nn.Module, precision: Precision) -> None:
        super().__init__()
        self.precision = precision
        self.dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self.network = copy.deepcopy(network)
        fold_batch_norm(self.network)
        if isinstance(self.network, UNet):
            if self.network.dimensions == 3:
                compute_blockwise(self.network)
            compute_in_place(self.network)
        if precision == "float32":
            use_onednn(self.network)
            fuse_steps(self.network)
            split_two_scale(self.network)
            convert_conv2d_weight_memory_format(self.network, torch.channels_last)
        self.network.to(dtype=self.dtype)
        convert_conv3d_weight_memory_format(self.network, torch.channels_last_3d)
        self.network.requires_grad_(False).eval()
        self.patches: PatchNetwork | None = None
        if has_stages(self.network):
            self.patches = UNetStages(self.network, self.dtype)
        elif isinstance(self.network, UNet):
            self.patches = SingleLook(self, math.prod(self.network.strides))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of x, shape (B, 1, X, Y, Z)."""
        logits: torch.Tensor = self.network(x.to(self.dtype))
        return logits.float()


def accelerate(network: nn.Module, precision: Precision) -> nn.Module:
    """Rewrite a network whose class is known; give back any other as it is, in float32."""
    known = isinstance(network, (UNet, ResNet)) and not isinstance(network, Accelerated)
    return Accelerated(network, precision) if known else network


def precision_of(network: nn.Module) -> Precision:
    """What a network computes in."""
    return network.precision if isinstance(network, (Accelerated, RemoteNetwork)) else "float32"


def patch_network_of(network: nn.Module) -> PatchNetwork | None:
    """A network that may see patches of any size as the patch loop takes it; None for others."""
    return network.patches if isinstance(network, (Accelerated, RemoteNetwork)) else None
