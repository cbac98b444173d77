"""The chain as plainly as it can be computed: what the quick one is held against."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from monai.networks.nets.unet import UNet
from torch import nn

from nodulus.app.chain.models import BUNDLES, Models
from nodulus.app.chain.network.loading import load_bundle
from nodulus.app.chain.network.patch_network import SingleLook
from nodulus.app.chain.network.precision import Accelerated
from nodulus.app.chain.settings import ChainSettings

if TYPE_CHECKING:
    from nodulus.app.chain.network.loading import LoadedBundle

_ALL_VOXELS = 2**40


class AsItIs(Accelerated):
    """A UNet that may see all of a volume at once, and is not rewritten."""

    def __init__(self, network: UNet) -> None:
        nn.Module.__init__(self)
        self.network, self.dtype, self.precision = network, torch.float32, "float32"
        self.patches = SingleLook(self, math.prod(network.strides))


def plain_models(folder: Path | None = None) -> Models:
    """The three bundles in float32 on the CPU, not rewritten.

    Args:
        folder: of the bundles; None for the shipped ones.

    Raises:
        FileNotFoundError: and ValueError, as :func:`nodulus.app.chain.network.loading.load_bundle`.
        ValueError: the segmentation is no UNet.
    """
    cpu = torch.device("cpu")
    segmentation, nodule, malignancy = (
        load_bundle((folder or BUNDLES) / name, cpu)
        for name in ("segmentation", "nodule", "malignancy")
    )
    return Models(_seeing_all(segmentation), nodule, malignancy, cpu)


def plain_settings(settings: ChainSettings) -> ChainSettings:
    """The same settings, but with one look at all of the lungs: a network sees less at borders."""
    pipeline = settings.pipeline.model_copy(update={"patch_voxels": _ALL_VOXELS})
    return settings.model_copy(update={"pipeline": pipeline})


def _seeing_all(bundle: LoadedBundle) -> LoadedBundle:
    if not isinstance(bundle.network, UNet):
        raise ValueError(f"{bundle.name}: only a UNet may see all of a volume at once")
    return replace(bundle, network=AsItIs(bundle.network))
