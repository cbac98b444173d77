"""A bundle's folder as a network that is ready to use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from monai.bundle import ConfigParser


@dataclass(frozen=True, eq=False)
class LoadedBundle:
    """A network in evaluation mode and what its user must know.

    Args:
        name: of the folder: ``segmentation``, ``nodule`` or ``malignancy``.
        version: of the bundle.
        network: on the device, in evaluation mode; takes (B, 1, X, Y, Z), gives logits.
        sha256: of the weights' file.
        spacing_mm: isotropic spacing of the network's space, whose axes are in RAS order.
        window_hu: HU that become 0 and 1; values are clipped there.
        input_size: edges in voxels of the network's input: sliding window or crop.
        trained_on: one line on where the weights come from.
        metadata: all of ``metadata.json``.
    """

    name: str
    version: str
    network: torch.nn.Module
    sha256: str
    spacing_mm: float
    window_hu: tuple[float, float]
    input_size: tuple[int, int, int]
    trained_on: str
    metadata: Mapping[str, Any]

    @property
    def roi_size(self) -> tuple[int, int, int]:
        """The input size, as a segmentation calls it."""
        return self.input_size

    @property
    def crop_size(self) -> tuple[int, int, int]:
        """The input size, as a classifier calls it."""
        return self.input_size


def _present(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; it belongs to every bundle")
    return path


def _input_size(config: ConfigParser, path: Path) -> tuple[int, int, int]:
    for key in ("roi_size", "crop_size"):
        if key in config:
            given = config.get_parsed_content(key)
            edges = [given] * 3 if isinstance(given, int) else list(given)
            if len(edges) != 3 or not all(isinstance(n, int) and n > 0 for n in edges):
                raise ValueError(f"{path}: {key} must be one or three edge lengths, got {given}")
            return edges[0], edges[1], edges[2]
    raise ValueError(f"{path}: neither roi_size nor crop_size is given")


def _network(config: ConfigParser, path: Path) -> torch.nn.Module:
    try:
        network = config.get_parsed_content("network_def")
    except Exception as error:
        raise ValueError(f"{path}: network_def cannot be built: {error}") from error
    if not isinstance(network, torch.nn.Module):
        raise ValueError(f"{path}: network_def is no network but {type(network).__name__}")
    return network


def _load_state(network: torch.nn.Module, path: Path, device: torch.device) -> None:
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises whatever its readers do
        raise ValueError(f"{path}: not a state dict: {type(error).__name__}") from error
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: the weights do not fit network_def") from error


def load_bundle(folder: Path | str, device: str | torch.device = "cpu") -> LoadedBundle:
    """Read ``configs/inference.json``, ``configs/metadata.json`` and ``models/model.pt``.

    Args:
        folder: the bundle's root.
        device: where the network goes.

    Raises:
        FileNotFoundError: one of the three files is missing; names it.
        ValueError: a file is not what it should be, or a key is missing; names the file.
    """
    root = Path(folder)
    config_path = _present(root / "configs" / "inference.json")
    metadata_path = _present(root / "configs" / "metadata.json")
    weights = _present(root / "models" / "model.pt")

    config = ConfigParser()
    try:
        config.read_config(str(config_path))
        metadata = json.loads(metadata_path.read_text())
    except ValueError as error:
        raise ValueError(f"{config_path} or {metadata_path}: not JSON: {error}") from error
    for key in ("network_def", "spacing_mm", "window_hu"):
        if key not in config:
            raise ValueError(f"{config_path}: {key} is missing")
    if "version" not in metadata:
        raise ValueError(f"{metadata_path}: version is missing")

    place = torch.device(device)
    network = _network(config, config_path).to(place)
    _load_state(network, weights, place)
    low, high = config.get_parsed_content("window_hu")
    return LoadedBundle(
        name=root.resolve().name,
        version=str(metadata["version"]),
        network=network.eval(),
        sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        spacing_mm=float(config.get_parsed_content("spacing_mm")),
        window_hu=(float(low), float(high)),
        input_size=_input_size(config, config_path),
        trained_on=str(metadata.get("data_source", "")),
        metadata=MappingProxyType(metadata),
    )
