"""A bundle's folder as a network that is ready to use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import torch
from monai.bundle import ConfigParser

from nodulus.bundles.common.atomic_files import sha256 as file_sha256

InputKind = Literal["isotropic_patches", "isotropic_cube", "native_slices", "native_crop"]
"""What a network looks at.

- ``isotropic_patches``: patches of ``roi_size`` of the volume in RAS order at ``spacing_mm``;
  gives a logit per voxel.
- ``isotropic_cube``: the same around a point, of ``crop_size``; gives a logit, or two classes'.
- ``native_slices``: ``slices`` neighbouring slices of the scanner's grid as channels; gives a
  logit per pixel of the middle one.
- ``native_crop``: a crop of the scanner's voxels around a point, ``crop_size`` slices, rows and
  columns; gives a logit, or two classes'.
"""

_SIZE_KEY: Mapping[str, str] = {
    "isotropic_patches": "roi_size",
    "isotropic_cube": "crop_size",
    "native_slices": "slices",
    "native_crop": "crop_size",
}


@dataclass(frozen=True, eq=False)
class LoadedBundle:
    """A network in evaluation mode and what its user must know.

    Args:
        name: of the folder: ``segmentation``, ``nodule`` or ``malignancy``.
        version: of the bundle.
        network: on the device, in evaluation mode; gives logits.
        sha256: of the weights' file.
        input_kind: what it looks at.
        spacing_mm: isotropic spacing of the network's space, whose axes are in RAS order; None
            for a network that looks at the scanner's own grid.
        window_hu: HU that become the ends of ``input_range``; values are clipped there.
        input_range: what the network takes; 0 to 1 unless the bundle says something else.
        input_size: edges in voxels of the network's input (sliding window or crop), or the one
            number of slices.
        trained_on: one line on where the weights come from.
        metadata: all of ``metadata.json``.
        ratings: what the outputs of a network that rates characteristics of a nodule mean, in
            their order; such a network has a method ``every_output``. Empty for others.
    """

    name: str
    version: str
    network: torch.nn.Module
    sha256: str
    input_kind: InputKind
    spacing_mm: float | None
    window_hu: tuple[float, float]
    input_range: tuple[float, float]
    input_size: tuple[int, ...]
    trained_on: str
    metadata: Mapping[str, Any]
    ratings: tuple[str, ...] = ()

    @property
    def roi_size(self) -> tuple[int, int, int]:
        """The input size, as a segmentation calls it."""
        x, y, z = self.input_size
        return x, y, z

    @property
    def crop_size(self) -> tuple[int, int, int]:
        """The input size, as a classifier calls it."""
        return self.roi_size

    @property
    def slices(self) -> int:
        """The number of neighbouring slices that are its channels."""
        (slices,) = self.input_size
        return slices

    @property
    def isotropic_mm(self) -> float:
        """The spacing of a network of an isotropic kind."""
        if self.spacing_mm is None:
            raise ValueError(f"{self.name}: a network of the kind {self.input_kind} has no spacing")
        return self.spacing_mm


def _present(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; it belongs to every bundle")
    return path


def _input_kind(config: ConfigParser, path: Path) -> InputKind:
    """As ``input_kind`` says; without it by the key that gives the size."""
    if "input_kind" in config:
        given = config["input_kind"]
        kinds: tuple[InputKind, ...] = get_args(InputKind)
        for kind in kinds:
            if given == kind:
                return kind
        raise ValueError(f"{path}: input_kind must be one of {', '.join(kinds)}, got {given!r}")
    return "isotropic_patches" if "roi_size" in config else "isotropic_cube"


def _input_size(config: ConfigParser, kind: InputKind, path: Path) -> tuple[int, ...]:
    key = _SIZE_KEY[kind]
    if key not in config:
        raise ValueError(f"{path}: {key} is missing, which the kind {kind} needs")
    given = config.get_parsed_content(key)
    wanted = 1 if key == "slices" else 3
    edges = [given] * wanted if isinstance(given, int) else list(given)
    if len(edges) != wanted or not all(isinstance(n, int) and n > 0 for n in edges):
        raise ValueError(f"{path}: {key} must be one or {wanted} whole numbers, got {given}")
    return tuple(edges)


def _leave_out_imports(config: ConfigParser) -> None:
    """Drop the config's imports, which serve expressions, where what is read here has none."""
    keys = ("network_def", "window_hu", "spacing_mm", "input_range", *_SIZE_KEY.values())
    told = json.dumps([config[key] for key in keys if key in config])
    if '"$' not in told and '"@' not in told:
        config["imports"] = []


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
    _leave_out_imports(config)
    kind = _input_kind(config, config_path)
    isotropic = kind.startswith("isotropic")
    for key in ("network_def", "window_hu", *(("spacing_mm",) if isotropic else ())):
        if key not in config:
            raise ValueError(f"{config_path}: {key} is missing")
    if "version" not in metadata:
        raise ValueError(f"{metadata_path}: version is missing")

    place = torch.device(device)
    network = _network(config, config_path).to(place)
    _load_state(network, weights, place)
    ratings = tuple(config["ratings"]) if "ratings" in config else ()
    if ratings and not hasattr(network, "every_output"):
        raise ValueError(f"{config_path}: ratings are named, but the network gives one answer")
    low, high = config.get_parsed_content("window_hu")
    first, last = config.get_parsed_content("input_range") if "input_range" in config else (0, 1)
    return LoadedBundle(
        name=root.resolve().name,
        version=str(metadata["version"]),
        network=network.eval(),
        sha256=file_sha256(weights),
        input_kind=kind,
        spacing_mm=float(config.get_parsed_content("spacing_mm")) if isotropic else None,
        window_hu=(float(low), float(high)),
        input_range=(float(first), float(last)),
        input_size=_input_size(config, kind, config_path),
        trained_on=str(metadata.get("data_source", "")),
        metadata=MappingProxyType(metadata),
        ratings=ratings,
    )
