"""From a probability per voxel to a short list of candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csgraph, csr_matrix

from nodulus.transforms.blocks import Box, box_between, connected_components
from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm
from nodulus.transforms.geometry import apply_affine


@dataclass(frozen=True, eq=False)
class Candidate:
    """A connected group of voxels that may be a nodule.

    Args:
        center_mm: centre of mass in the millimetre space of the affine that was given.
        center_index: the same as a fractional index of the probability volume.
        box: the part of the volume that holds the group.
        mask: bool, of the box's shape: the group's voxels.
        volume_mm3: voxels times voxel volume.
        peak_probability: highest probability among its voxels.
        mean_probability: mean over its voxels.
    """

    center_mm: tuple[float, float, float]
    center_index: tuple[float, float, float]
    box: Box
    mask: NDArray[np.bool_]
    volume_mm3: float
    peak_probability: float
    mean_probability: float

    @property
    def equivalent_diameter_mm(self) -> float:
        """Diameter of the sphere of the same volume."""
        return equivalent_diameter_mm(self.volume_mm3)


def group_candidates(
    probability: NDArray[np.floating],
    affine: ArrayLike,
    *,
    threshold: float,
    peak_threshold: float | None = None,
    min_volume_mm3: float = 0.0,
    region: NDArray[np.bool_] | None = None,
) -> list[Candidate]:
    """Threshold with hysteresis, take connected components (26 neighbours), drop specks.

    Args:
        probability: shape (X, Y, Z), 0 to 1.
        affine: 4x4 matrix from its index to mm; candidates' centres come in that space.
        threshold: a voxel belongs to a group at or above it.
        peak_threshold: a group counts if its highest voxel reaches it; the threshold if None.
        min_volume_mm3: smaller groups are dropped.
        region: only voxels inside count, same shape.

    Returns:
        Candidates by falling peak probability, then by volume, then by place, so that the order is
        the same on every machine.

    Raises:
        ValueError: shapes differ.
    """
    if region is not None and region.shape != probability.shape:
        raise ValueError(f"region has shape {region.shape}, probability {probability.shape}")
    inside = probability >= threshold
    if region is not None:
        inside &= region
    matrix = np.asarray(affine, dtype=np.float64)
    voxel_mm3 = float(abs(np.linalg.det(matrix[:3, :3])))
    needed = threshold if peak_threshold is None else peak_threshold
    found = []
    for box, mask in connected_components(inside):
        candidate = make_candidate(probability, box, mask, matrix, voxel_mm3)
        if candidate.peak_probability >= needed and candidate.volume_mm3 >= min_volume_mm3:
            found.append(candidate)
    return sorted(found, key=by_rank)


def merge_candidates(
    candidates: list[Candidate],
    probability: NDArray[np.floating],
    affine: ArrayLike,
    *,
    gap_mm: float,
) -> list[Candidate]:
    """Join groups that are pieces of one nodule.

    Two groups are one nodule if their surfaces, taken as spheres of the groups' volumes around
    their centres, are closer than ``gap_mm``. Joining is transitive.

    Args:
        candidates: as :func:`group_candidates` gives them.
        probability: the volume that they came from.
        affine: of the volume.
        gap_mm: largest distance between surfaces, 0 for touching.

    Returns:
        Candidates in the same order rule; a joined one holds all its pieces' voxels.
    """
    if len(candidates) < 2:
        return list(candidates)
    center = np.array([c.center_mm for c in candidates])
    radius = np.array([c.equivalent_diameter_mm / 2 for c in candidates])
    distance = np.linalg.norm(center[:, None] - center[None], axis=-1)
    near = distance - radius[:, None] - radius[None] < gap_mm
    count, group = _connected(near)
    matrix = np.asarray(affine, dtype=np.float64)
    voxel_mm3 = float(abs(np.linalg.det(matrix[:3, :3])))
    merged = []
    for number in range(count):
        members = [c for c, g in zip(candidates, group, strict=True) if g == number]
        merged.append(
            members[0] if len(members) == 1 else _join(members, probability, matrix, voxel_mm3)
        )
    return sorted(merged, key=by_rank)


def make_candidate(
    probability: NDArray[np.floating],
    box: Box,
    mask: NDArray[np.bool_],
    affine: NDArray[np.float64],
    voxel_mm3: float,
) -> Candidate:
    """Describe one group of voxels; ``mask`` is of the box's shape and not empty."""
    start = np.array([s.start for s in box])
    index = np.argwhere(mask).mean(axis=0) + start
    values = probability[box][mask]
    x, y, z = (float(v) for v in apply_affine(affine, index))
    i, j, k = (float(v) for v in index)
    return Candidate(
        center_mm=(x, y, z),
        center_index=(i, j, k),
        box=box,
        mask=mask,
        volume_mm3=float(mask.sum()) * voxel_mm3,
        peak_probability=float(values.max()),
        mean_probability=float(values.mean(dtype=np.float64)),
    )


def by_rank(candidate: Candidate) -> tuple[float, float, tuple[float, float, float]]:
    """The sorting key of candidates: falling peak probability, falling volume, place."""
    return -candidate.peak_probability, -candidate.volume_mm3, candidate.center_index


def _connected(near: NDArray[np.bool_]) -> tuple[int, NDArray[np.int32]]:
    count, group = csgraph.connected_components(csr_matrix(near), directed=False)
    return int(count), group


def _join(
    members: list[Candidate],
    probability: NDArray[np.floating],
    affine: NDArray[np.float64],
    voxel_mm3: float,
) -> Candidate:
    low = np.min([[s.start for s in m.box] for m in members], axis=0)
    high = np.max([[s.stop for s in m.box] for m in members], axis=0)
    mask = np.zeros(tuple(high - low), bool)
    for member in members:
        inner = tuple(
            slice(s.start - int(a), s.stop - int(a)) for s, a in zip(member.box, low, strict=True)
        )
        mask[inner] |= member.mask
    box = box_between(low, high)
    return make_candidate(probability, box, mask, affine, voxel_mm3)
