"""A network as a server has it: what it tells of it, and how it computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nodulus.app.chain import Models, load_models
from nodulus.app.chain.model_service.identity import network_version
from nodulus.app.chain.model_service.remote_network import INPUT, OUTPUT, RATINGS
from nodulus.app.chain.model_service.tensors import FLOAT32, Floats
from nodulus.app.chain.models import BUNDLES, model_errors
from nodulus.app.chain.network.patch_network import PatchNetwork
from nodulus.app.chain.network.precision import patch_network_of, precision_of

if TYPE_CHECKING:
    from nodulus.app.chain.network.loading import LoadedBundle
    from nodulus.app.chain.network.precision import PrecisionSetting

PART_VOXELS = 8_000_000
"""The finest stage of a segmentation computes as many voxels at once: bounds the memory."""
_SCAN, _SLICES = "isotropic_patches", "native_slices"


@dataclass(frozen=True, eq=False)
class ServedNetwork:
    """One of the three.

    Args:
        bundle: with its network on the device.
        version: see :func:`~nodulus.app.chain.model_service.identity.network_version`.
        device: where it computes.
    """

    bundle: LoadedBundle
    version: str
    device: torch.device

    @property
    def name(self) -> str:
        """Of the bundle."""
        return self.bundle.name

    @property
    def precision(self) -> str:
        """What it computes in."""
        return precision_of(self.bundle.network)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of a batch; -1 where any size will do."""
        kind = self.bundle.input_kind
        if kind == _SLICES:
            return (-1, self.bundle.slices, -1, -1)
        if kind == _SCAN:
            sizes = (-1, -1, -1) if self._patches else self.bundle.roi_size
            return (-1, 1, *sizes)
        return (-1, 1, *self.bundle.crop_size)

    @property
    def stride(self) -> int | None:
        """Patches of any size that is a multiple of it; None where there is one size."""
        return None if self._patches is None else self._patches.stride

    def metadata(self) -> dict[str, Any]:
        """What the protocol calls a model's metadata."""
        facts: dict[str, str] = {"sha256": self.bundle.sha256, "precision": self.precision}
        if self._patches is not None:
            facts["stride"] = str(self._patches.stride)
            if self._patches.reach is not None:
                facts["reach"] = str(self._patches.reach)
        outputs = [OUTPUT, RATINGS] if self.bundle.ratings else [OUTPUT]
        return {
            "name": self.name,
            "versions": [self.version],
            "platform": "nodulus_pytorch",
            "inputs": [{"name": INPUT, "datatype": FLOAT32, "shape": list(self.input_shape)}],
            "outputs": [{"name": n, "datatype": FLOAT32, "shape": [-1, -1]} for n in outputs],
            "parameters": facts,
        }

    def check(self, image: Floats) -> None:
        """See that the network can take an input.

        Raises:
            ValueError: it cannot.
        """
        wanted = self.input_shape
        if image.ndim != len(wanted) or not image.size:
            raise ValueError(f"{INPUT} must have {len(wanted)} axes and a voxel at least")
        for axis, (size, edge) in enumerate(zip(image.shape, wanted, strict=True)):
            if edge not in (-1, size):
                raise ValueError(f"axis {axis} of {INPUT} must be {edge}, not {size}")
            if self.stride is not None and axis >= 2 and size % self.stride:
                raise ValueError(f"axis {axis} of {INPUT} must be a multiple of {self.stride}")

    def run(self, images: Sequence[Floats]) -> list[dict[str, Floats]]:
        """Compute.

        Args:
            images: inputs of several requests, each a batch; those whose samples have one shape
                are computed at once, but for patches, of which one is enough.

        Returns:
            The outputs of each, by name.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        for number, image in enumerate(images):
            key = (number,) if self._patches is not None else image.shape[1:]
            groups.setdefault(key, []).append(number)
        found: list[dict[str, Floats]] = [{} for _ in images]
        for numbers in groups.values():
            together = np.concatenate([images[n] for n in numbers])
            ends = np.cumsum([len(images[n]) for n in numbers])[:-1]
            for name, values in self._outputs(together).items():
                for number, own in zip(numbers, np.split(values, ends), strict=True):
                    found[number][name] = own
        return found

    @property
    def _patches(self) -> PatchNetwork | None:
        return patch_network_of(self.bundle.network)

    def _outputs(self, image: Floats) -> dict[str, Floats]:
        network: Any = self.bundle.network
        x = torch.from_numpy(np.require(image, requirements="W"))
        with torch.inference_mode():
            if self._patches is not None:
                return {OUTPUT: np.stack([_patch(one, self._patches, self.device) for one in x])}
            x = x.to(self.device)
            if not self.bundle.ratings:
                return {OUTPUT: network(x).float().cpu().numpy()}
            every = network.every_output(x).float().cpu().numpy()
            return {OUTPUT: every[:, : network.outputs], RATINGS: every}


def _patch(values: torch.Tensor, network: PatchNetwork, device: torch.device) -> Floats:
    """Logits of a whole patch, (1, X, Y, Z), part by part."""
    _, nx, ny, nz = values.shape
    features = network.encode(values, lambda x: x, device)
    stride = network.stride
    step = max(stride, PART_VOXELS // (ny * nz) // stride * stride)
    if network.reach is None:
        step = nx
    result = np.empty(tuple(values.shape), np.float32)
    for start in range(0, nx, step):
        box = (slice(start, min(nx, start + step)), slice(0, ny), slice(0, nz))
        result[0, box[0]] = network.decode(features, box).cpu().numpy()
    return result


def load_served(
    folder: Path | None = None, device: str = "auto", precision: PrecisionSetting = "auto"
) -> tuple[ServedNetwork, ...]:
    """Load the three networks.

    Args:
        folder: with the three bundles; None for the shipped ones.
        device: where they compute.
        precision: as of :func:`nodulus.app.chain.load_models`.

    Raises:
        NodulusError: as :func:`nodulus.app.chain.load_models`.
    """
    models: Models = load_models(folder, device, precision)
    root = BUNDLES if folder is None else folder
    with model_errors(root, "a model cannot be read", "Check the models folder."):
        return tuple(
            ServedNetwork(bundle, network_version(root / bundle.name), models.device)
            for bundle in (models.segmentation, models.nodule, models.malignancy)
        )
