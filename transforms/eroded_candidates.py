"""Candidates of a mask that is eroded first: specks and thin bridges vanish."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from nodulus.transforms.blocks import Box
from nodulus.transforms.candidates import Candidate, by_rank, make_candidate
from nodulus.transforms.geometry import apply_affine


def group_eroded(
    probability: NDArray[np.floating],
    affine: ArrayLike,
    *,
    threshold: float,
    erosions: int,
    weight: NDArray[np.floating] | NDArray[np.integer] | None = None,
    region: NDArray[np.bool_] | None = None,
) -> list[Candidate]:
    """Threshold, erode, take connected components (6 neighbours), grow each back.

    What 'Deep Learning with PyTorch' (2020, chapter 14) does to a segmentation, but for growing
    back: that leaves the centres alone and gives an outline that can be measured.

    Args:
        probability: shape (X, Y, Z), 0 to 1.
        affine: 4x4 matrix from its index to mm; candidates' centres come in that space.
        threshold: a voxel belongs to the mask at or above it.
        erosions: how often one layer of voxels is taken off, at least once; beyond the volume is
            no mask.
        weight: not negative, same shape; a centre is the centre of mass of it over the component.
            None for equal weights.
        region: components count where they are inside, same shape.

    Returns:
        Candidates in the order of :func:`nodulus.transforms.candidates.group_candidates`. Centres
        are those of the eroded components, everything else those of the ones grown back.
    """
    inside = probability >= threshold
    core = ndimage.binary_erosion(inside, iterations=erosions)
    if region is not None:
        core &= region
    labels, count = ndimage.label(core)
    matrix = np.asarray(affine, dtype=np.float64)
    voxel_mm3 = float(abs(np.linalg.det(matrix[:3, :3])))
    found = []
    for label, box in enumerate(ndimage.find_objects(labels, count), start=1):
        own = labels[box] == label
        index = _center(own, box, None if weight is None else weight[box])
        x, y, z = (float(v) for v in apply_affine(matrix, index))
        i, j, k = (float(v) for v in index)
        grown = make_candidate(probability, *_grown(own, box, inside, erosions), matrix, voxel_mm3)
        found.append(
            Candidate(
                center_mm=(x, y, z),
                center_index=(i, j, k),
                box=grown.box,
                mask=grown.mask,
                volume_mm3=grown.volume_mm3,
                peak_probability=grown.peak_probability,
                mean_probability=grown.mean_probability,
            )
        )
    return sorted(found, key=by_rank)


def _center(
    mask: NDArray[np.bool_], box: Box, weight: NDArray[np.number] | None
) -> NDArray[np.float64]:
    weights = None if weight is None else weight[mask].astype(np.float64)
    if weights is not None and weights.sum() <= 0:
        weights = None
    inner = np.average(np.argwhere(mask), axis=0, weights=weights)
    return np.asarray(inner + [s.start for s in box])


def _grown(
    mask: NDArray[np.bool_], box: Box, inside: NDArray[np.bool_], steps: int
) -> tuple[Box, NDArray[np.bool_]]:
    """Put the layers back that erosion took, within the mask that it took them from."""
    start = [max(0, s.start - steps) for s in box]
    stop = [min(n, s.stop + steps) for s, n in zip(box, inside.shape, strict=True)]
    i, j, k = (slice(a, b) for a, b in zip(start, stop, strict=True))
    around = [(s.start - a, b - s.stop) for s, a, b in zip(box, start, stop, strict=True)]
    padded = np.pad(mask, around)
    grown = ndimage.binary_dilation(padded, iterations=steps, mask=inside[i, j, k])
    return (i, j, k), np.asarray(grown)
