"""The networks' grid: the lungs' box of a volume in RAS order at an isotropic spacing.

Training and inference both come here, so that a network sees a scan as it saw its training data.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from numpy.typing import NDArray

from nodulus.transforms.geometry import LPS_TO_RAS, Geometry
from nodulus.transforms.hounsfield import compact_hounsfield
from nodulus.transforms.lung_margin import LUNG_MARGIN_MM
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lungs import find_lungs
from nodulus.transforms.orientation import turn_to
from nodulus.transforms.resampling import Mode, resample_to_spacing


@dataclass(frozen=True, eq=False)
class NetworkVolume:
    """HU on the networks' grid.

    Args:
        hu: float32, shape (1, X, Y, Z); axes run to the right, front and head as nearly as the
            volume's own axes allow (MONAI's RAS orientation).
        affine_ras: 4x4, its index to RAS mm.
    """

    hu: torch.Tensor
    affine_ras: NDArray[np.float64]

    @property
    def geometry(self) -> Geometry:
        """The grid as a Geometry whose array axes are (X, Y, Z)."""
        x, y, z = (int(n) for n in self.hu.shape[1:])
        return Geometry((x, y, z), LPS_TO_RAS @ self.affine_ras)


def to_network_space(
    hu: NDArray[Any],
    geometry: Geometry,
    lungs: LungRegion | None,
    spacing_mm: float,
    margin_mm: float = LUNG_MARGIN_MM,
) -> NetworkVolume:
    """Crop a volume to the lungs, turn it to RAS order, resample it.

    Args:
        hu: Hounsfield units, shape (I, R, C), any orientation.
        geometry: of ``hu``.
        lungs: of that volume; None to take all of it.
        spacing_mm: isotropic spacing of the networks.
        margin_mm: kept around the lungs' box where the volume has it.
    """
    return NetworkVolume(*_to_grid(hu, geometry, lungs, spacing_mm, margin_mm, "linear"))


def labels_to_network_space(
    labels: NDArray[Any],
    geometry: Geometry,
    lungs: LungRegion | None,
    spacing_mm: float,
    margin_mm: float = LUNG_MARGIN_MM,
) -> torch.Tensor:
    """Bring a label map to the grid of :func:`to_network_space` by nearest neighbour.

    Args:
        labels: shape (I, R, C), of a type that torch has.
        geometry: of ``labels``.
        lungs: of that volume; None to take all of it.
        spacing_mm: isotropic spacing of the networks.
        margin_mm: kept around the lungs' box where the volume has it.

    Returns:
        The labels, shape (1, X, Y, Z), of the same type.
    """
    return _to_grid(labels, geometry, lungs, spacing_mm, margin_mm, "nearest")[0]


def _to_grid(
    values: NDArray[Any],
    geometry: Geometry,
    lungs: LungRegion | None,
    spacing_mm: float,
    margin_mm: float,
    mode: Mode,
) -> tuple[torch.Tensor, NDArray[np.float64]]:
    if lungs is not None:  # cropped before it is resampled: most of a scan is not lung
        box = lungs.box(geometry, margin_mm)
        geometry = geometry.cropped([s.start for s in box], [s.stop - s.start for s in box])
        values = values[box]
    # One order in memory, which decides the order of sums, so that the same volume gives the same
    # bits; torch takes no negative strides.
    if list(values.strides) != sorted(values.strides, reverse=True) or min(values.strides) <= 0:
        values = np.ascontiguousarray(values)
    turn = turn_to("RAS", geometry.affine_ras, geometry.shape_irc)
    array = torch.from_numpy(values)
    if turn.flipped:
        array = torch.flip(array, turn.flipped)
    return resample_to_spacing(array.permute(turn.order)[None], turn.affine_ras, spacing_mm, mode)


class NetworkSpaced(MapTransform):
    """Find the lungs of a CT and bring it, and its labels, to the networks' grid.

    The dictionary version of :func:`to_network_space`. Its result holds the image in float32 HU
    and ``lungs_key``, the lung region as uint8, MetaTensors of shape (1, X, Y, Z).

    Args:
        keys: the image, a MetaTensor of shape (1, X, Y, Z) in HU.
        label_key: a label map of the image's shape; optional in the item.
        lungs_key: where the lung region goes.
        spacing_mm: isotropic spacing of the networks.
        margin_mm: kept around the lungs' box.
        whole: whether the image shows whole lungs, which are looked for; else all of it is taken
            for lung.

    Raises:
        ValueError: no lungs in the image; names the file.
    """

    def __init__(
        self,
        keys: KeysCollection,
        label_key: str = "label",
        lungs_key: str = "lungs",
        spacing_mm: float = 1.0,
        margin_mm: float = LUNG_MARGIN_MM,
        whole: bool = True,
    ) -> None:
        super().__init__(keys)
        self.label_key = label_key
        self.lungs_key = lungs_key
        self.spacing_mm = spacing_mm
        self.margin_mm = margin_mm
        self.whole = whole

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Bring each key to the grid."""
        result = dict(data)
        for key in self.key_iterator(result):
            image = result[key]
            if not isinstance(image, MetaTensor):
                raise TypeError(f"{key} must be a MetaTensor, got {type(image).__name__}")
            hu, _ = compact_hounsfield(_reversed_axes(image))
            geometry = _geometry(image)
            lungs = self._lungs(hu, geometry, str(image.meta.get("filename_or_obj", key)))
            place = (geometry, lungs, self.spacing_mm, self.margin_mm)
            view = to_network_space(hu, *place)
            region = np.ones(view.geometry.shape_irc, bool)
            if lungs is not None:
                region = lungs.on(view.geometry)
            result[key] = _like(image, view.hu, view.affine_ras)
            mask = torch.from_numpy(region[np.newaxis].astype(np.uint8))
            result[self.lungs_key] = MetaTensor(mask, affine=result[key].affine.clone())
            if self.label_key in result:
                label = result[self.label_key]
                if label.shape != image.shape:
                    raise ValueError(
                        f"{self.label_key} has shape {tuple(label.shape)}, "
                        f"{key} has {tuple(image.shape)}"
                    )
                moved = labels_to_network_space(_reversed_axes(label), *place)
                result[self.label_key] = _like(label, moved, view.affine_ras)
        return result

    def _lungs(self, hu: NDArray[Any], geometry: Geometry, name: str) -> LungRegion | None:
        if not self.whole:
            return None
        lungs = find_lungs(hu, geometry)
        if lungs is None:
            raise ValueError(f"{name}: no lungs found in the image")
        return lungs


def _reversed_axes(image: torch.Tensor) -> NDArray[Any]:
    """The axes (Z, Y, X) of an array whose axes are (1, X, Y, Z), as SimpleITK's arrays have."""
    array = image.as_tensor() if isinstance(image, MetaTensor) else image
    return np.asarray(array[0].cpu().numpy().transpose(2, 1, 0))


def _geometry(image: MetaTensor) -> Geometry:
    """Of :func:`_reversed_axes`."""
    x, y, z = (int(n) for n in image.shape[1:])
    affine_ras = image.affine.cpu().numpy().astype(np.float64)
    return Geometry((z, y, x), LPS_TO_RAS @ affine_ras[:, [2, 1, 0, 3]])


def _like(image: torch.Tensor, array: torch.Tensor, affine_ras: NDArray[np.float64]) -> MetaTensor:
    """A MetaTensor that keeps another's metadata but the affine."""
    meta = dict(image.meta) if isinstance(image, MetaTensor) else None
    result = MetaTensor(array, meta=meta)
    result.affine = torch.from_numpy(affine_ras)
    return result
