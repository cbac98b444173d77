"""What one scan's image says about the scan and about its nodules."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.data.eda.scan_image import ScanImage
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.data.tables import Nodule, Point
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.ignore_label import IGNORE_LABEL
from nodulus.transforms.spheres import sphere_voxels

TISSUE_ABOVE_HU = -300.0
SAMPLES = 200_000
"""About so many voxels are looked at for medians and for the lungs' shape."""

PIXELS = 32
"""Edge of the lungs' projections, pixels."""

MIDLINE_MM = 5.0
LEVEL_MM = 10.0


@dataclass(frozen=True)
class Volumes:
    """Volumes in ml; at the networks' 1 mm, 1 ml is 1,000 voxels.

    Args:
        image: all of it.
        lungs: the lung region.
        nodules: of all labels; 0 without a mask.
        ignored: labelled 255, neither nodule nor background.
    """

    image: float
    lungs: float
    nodules: float
    ignored: float


@dataclass(frozen=True)
class HuLevels:
    """Hounsfield units of a scan.

    Args:
        lowest: of all voxels.
        highest: of all voxels.
        lungs_median: in the lung region, None where there is none.
        tissue_median: of the voxels above -300 HU, None where there is none.
    """

    lowest: float
    highest: float
    lungs_median: float | None
    tissue_median: float | None


@dataclass(frozen=True)
class NodulePlace:
    """Where a nodule lies in its scan, and what is there.

    Args:
        inside_volume: whether its centre lies in the image.
        in_lungs: whether its centre lies in the lung region; None where there is none.
        side: ``left`` or ``right``; None within 5 mm of the middle, or without lungs.
        position: in the lungs' box, each from 0 to 1: right to left, front to back, feet to
            head; outside the box beyond. None without lungs.
        core_hu: mean in the ball of half its diameter; None outside the image.
        label_volume_mm3: of its label; None without a mask, 0 where the mask lacks it.
    """

    inside_volume: bool
    in_lungs: bool | None
    side: str | None
    position: Point | None
    core_hu: float | None
    label_volume_mm3: float | None


@dataclass(frozen=True)
class StrayLabel:
    """A label that no annotated nodule has.

    Args:
        value: in the mask.
        center_lps_mm: middle of its voxels.
        volume_mm3: of them.
    """

    value: int
    center_lps_mm: Point
    volume_mm3: float


@dataclass(frozen=True, eq=False)
class ScanFacts:
    """What the image says.

    Args:
        voxels_sha256: of its values and its shape, not of the file.
        spacing_mm: along its three axes.
        hu: its levels.
        volumes: in ml.
        nodules: as many as the study has, in its order.
        strays: labels without an annotation.
        projections: the lungs in their own box seen from the front, from the feet and from the
            patient's left: the share of the box's depth that is lung, shape (3, 32, 32), rows
            downwards, the patient's right or front on the left. None without lungs.
    """

    voxels_sha256: str
    spacing_mm: tuple[float, float, float]
    hu: HuLevels
    volumes: Volumes
    nodules: tuple[NodulePlace, ...]
    strays: tuple[StrayLabel, ...]
    projections: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False)
class _Lungs:
    """The lung region and a sample of its points, LPS mm, shape (n, 3)."""

    mask: NDArray[np.bool_]
    geometry: Geometry
    points: NDArray[np.float64]

    def box(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest corner and size of the box round the points."""
        low = self.points.min(axis=0)
        return low, np.maximum(self.points.max(axis=0) - low, 1e-6)

    def position(self, points_lps_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points, shape (..., 3), as shares of the box."""
        low, size = self.box()
        return np.asarray((points_lps_mm - low) / size)

    def holds(self, points_lps_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether points, shape (..., 3), lie in a voxel of the region."""
        index = np.floor(self.geometry.lps_to_index(points_lps_mm) + 0.5).astype(int)
        last = np.asarray(self.mask.shape) - 1
        inside = np.all((index >= 0) & (index <= last), axis=-1)
        picked = tuple(np.moveaxis(np.clip(index, 0, last), -1, 0))
        return np.asarray(inside & self.mask[picked])

    def side(self, center: Point) -> str | None:
        """By the middle between the lungs' outer edges at the level of the point."""
        level = self.points[np.abs(self.points[:, 2] - center[2]) <= LEVEL_MM, 0]
        if level.size == 0:
            return None
        offset = center[0] - (level.min() + level.max()) / 2
        if abs(offset) < MIDLINE_MM:
            return None
        return "left" if offset > 0 else "right"


def scan_facts(study: Study, image: ScanImage) -> ScanFacts:
    """Measure a scan and its nodules.

    Args:
        study: its nodules count, not its files.
        image: the study's.
    """
    geometry = image.geometry
    lungs = _lungs(image)
    numbers = [_label(image, nodule) for nodule in study.nodules]
    counts = np.zeros(256, dtype=np.int64)
    if image.labels is not None:
        counts = np.bincount(image.labels.ravel(), minlength=256)
    voxel = geometry.voxel_volume_mm3
    volumes_mm3 = [None if n is None else float(counts[n]) * voxel if n else 0.0 for n in numbers]
    places = tuple(
        _place(image, lungs, nodule, volume)
        for nodule, volume in zip(study.nodules, volumes_mm3, strict=True)
    )
    lungs_ml = 0.0
    if image.lungs is not None:
        lungs_ml = float(image.lungs.sum()) * image.lungs_geometry.voxel_volume_mm3 / 1000
    volumes = Volumes(
        image.hu.size * voxel / 1000,
        lungs_ml,
        float(counts[1:IGNORE_LABEL].sum()) * voxel / 1000,
        float(counts[IGNORE_LABEL]) * voxel / 1000,
    )
    return ScanFacts(
        voxels_sha256(image.hu),
        geometry.spacing_irc_mm,
        _levels(image, lungs),
        volumes,
        places,
        _strays(image, counts, numbers),
        None if lungs is None else _projections(lungs),
    )


def voxels_sha256(hu: NDArray[Any]) -> str:
    """The checksum of an image's values and shape, 64 hexadecimal digits."""
    whole = hu
    if hu.dtype != np.int16:  # the same values may come as floats
        limits = np.iinfo(np.int16)
        fits = limits.min <= hu.min() and hu.max() <= limits.max
        whole = np.rint(hu).astype(np.int16 if fits else np.int32)
    digest = hashlib.sha256(repr(whole.shape).encode())
    digest.update(np.ascontiguousarray(whole).data)
    return digest.hexdigest()


def _step(size: int) -> int:
    return max(1, round(float(np.cbrt(size / SAMPLES))))


def _lungs(image: ScanImage) -> _Lungs | None:
    mask = image.lungs
    if mask is None:
        return None
    step = _step(int(mask.sum()))
    where = np.argwhere(mask[::step, ::step, ::step]) * step
    if len(where) == 0:
        where = np.argwhere(mask)
    return _Lungs(mask, image.lungs_geometry, image.lungs_geometry.index_to_lps(where))


def _values(image: ScanImage, points: NDArray[np.float64]) -> NDArray[Any]:
    """The HU of the voxels that points, LPS mm, shape (n, 3), lie in."""
    index = np.floor(image.geometry.lps_to_index(points) + 0.5).astype(int)
    index = np.clip(index, 0, np.asarray(image.hu.shape) - 1)
    return np.asarray(image.hu[tuple(index.T)])


def _levels(image: ScanImage, lungs: _Lungs | None) -> HuLevels:
    step = _step(image.hu.size)
    sample = image.hu[::step, ::step, ::step]
    tissue = sample[sample > TISSUE_ABOVE_HU]
    return HuLevels(
        float(image.hu.min()),
        float(image.hu.max()),
        None if lungs is None else float(np.median(_values(image, lungs.points))),
        float(np.median(tissue)) if tissue.size else None,
    )


def _label(image: ScanImage, nodule: Nodule) -> int | None:
    """The nodule's value in the mask, 0 where the mask lacks it, None without a mask."""
    if image.labels is None:
        return None
    if nodule.label is not None:
        return nodule.label
    box, inside = sphere_voxels(image.geometry, nodule.center_lps_mm, max(nodule.diameter_mm, 0.0))
    counts = np.bincount(image.labels[box][inside], minlength=256)[1:IGNORE_LABEL]
    return int(np.argmax(counts)) + 1 if counts.any() else 0


def _place(
    image: ScanImage, lungs: _Lungs | None, nodule: Nodule, volume_mm3: float | None
) -> NodulePlace:
    center = nodule.center_lps_mm
    inside = bool(image.geometry.contains(image.geometry.lps_to_index(center)))
    core = None
    if inside:
        box, voxels = sphere_voxels(image.geometry, center, max(nodule.diameter_mm, 0.0) / 2)
        core = float(image.hu[box][voxels].mean())
    if lungs is None:
        return NodulePlace(inside, None, None, None, core, volume_mm3)
    x, y, z = (float(v) for v in lungs.position(np.asarray(center)))
    in_lungs, side = bool(lungs.holds(np.asarray(center))), lungs.side(center)
    return NodulePlace(inside, in_lungs, side, (x, y, z), core, volume_mm3)


def _strays(
    image: ScanImage, counts: NDArray[np.int64], numbers: Sequence[int | None]
) -> tuple[StrayLabel, ...]:
    if image.labels is None:
        return ()
    strays = []
    boxes = None
    for value in np.flatnonzero(counts).tolist():
        if value in {0, IGNORE_LABEL, *numbers}:
            continue
        boxes = boxes if boxes is not None else ndimage.find_objects(image.labels)
        box = boxes[value - 1]
        middle = np.argwhere(image.labels[box] == value).mean(axis=0) + [s.start for s in box]
        x, y, z = (float(v) for v in image.geometry.index_to_lps(middle))
        volume = float(counts[value]) * image.geometry.voxel_volume_mm3
        strays.append(StrayLabel(value, (x, y, z), volume))
    return tuple(strays)


def _projections(lungs: _Lungs) -> NDArray[np.float64]:
    low, size = lungs.box()
    shares = (np.arange(PIXELS) + 0.5) / PIXELS
    grid = np.stack(np.meshgrid(shares, shares, shares, indexing="ij"), axis=-1)
    lung = lungs.holds(low + grid * size).astype(np.float64)  # axes x, y, z
    front, feet, side = lung.mean(axis=1), lung.mean(axis=2), lung.mean(axis=0)
    return np.stack([front.T[::-1], feet.T, side.T[::-1]])
