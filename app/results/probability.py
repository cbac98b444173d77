"""The segmentation's probability in and around each nodule, for the fractional segmentation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.results.label_boxes import Labels, boxes_by_label
from nodulus.app.results.sources import SourceHeaders
from nodulus.transforms.geometry import Geometry

REACH_MM = 5.0
"""How far around a nodule its fractional segment reaches."""
MAX_FRACTIONAL_VALUE = 255


@dataclass(frozen=True, eq=False)
class ProbabilityMap:
    """What the segmentation network said, voxel by voxel.

    Args:
        values: shape (I, R, C) of ``geometry``, 0 to 1.
        geometry: the networks' grid.
    """

    values: NDArray[np.float32]
    geometry: Geometry


def territories(labels: Labels, geometry: Geometry) -> Labels:
    """Grow each label by `REACH_MM`; a voxel that two could claim goes to the nearer one.

    Args:
        labels: shape (I, R, C), 0 or a finding id.
        geometry: its shape and place.

    Returns:
        Shape and type of ``labels``.
    """
    grown = labels.copy()
    spacing = np.asarray(geometry.spacing_irc_mm)
    margin = np.ceil(REACH_MM / spacing).astype(int)
    for number, box in boxes_by_label(labels).items():
        wide = tuple(
            slice(max(0, part.start - int(m)), part.stop + int(m))
            for part, m in zip(box, margin, strict=True)
        )
        distance, nearest = ndimage.distance_transform_edt(
            labels[wide] == 0, sampling=spacing, return_indices=True
        )
        own = (distance <= REACH_MM) & (labels[wide][tuple(nearest)] == number)
        grown[wide][own] = number
    return grown


def fractional_planes(
    planes: Labels, probability: ProbabilityMap, sources: SourceHeaders
) -> NDArray[np.uint8]:
    """Sample the probability on the source's pixels.

    Args:
        planes: shape (planes, R, C), from `labels_on_source`; where it is 0 nothing is sampled.
        probability: interpolated linearly; 0 beyond its grid.
        sources: the headers of the source.

    Returns:
        Shape of ``planes``: the probability times `MAX_FRACTIONAL_VALUE`, rounded.
    """
    values = np.zeros(planes.shape, dtype=np.uint8)
    for plane, geometry in zip(sources.planes, sources.geometries, strict=True):
        pixels = np.argwhere(planes[plane])
        if len(pixels) == 0:
            continue
        index = np.concatenate([np.zeros((len(pixels), 1)), pixels], axis=1)
        at = probability.geometry.lps_to_index(geometry.index_to_lps(index))
        sampled = ndimage.map_coordinates(
            probability.values, at.T, output=np.float32, order=1, mode="constant"
        )
        scaled = np.rint(np.clip(sampled, 0.0, 1.0) * MAX_FRACTIONAL_VALUE)
        values[plane][tuple(pixels.T)] = scaled.astype(np.uint8)
    return values
