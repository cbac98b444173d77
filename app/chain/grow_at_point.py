"""An outline at a point by HU alone, where the segmentation sees nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.chain.settings_sections import PointSettings
from nodulus.app.volume import CtVolume
from nodulus.transforms.blocks import Box


def grow_at_point(
    volume: CtVolume, point_lps_mm: Sequence[float], settings: PointSettings
) -> tuple[Box, NDArray[np.bool_], bool]:
    """Take the voxels around a point that are denser than half-way to what surrounds it.

    The densest voxel near the point is the seed; connected voxels above the mean of its HU and the
    first quartile around it belong to it, thin bridges (vessels, the pleura) cut off by an
    opening. Where that reaches as far as it may, or leaves nothing, the outline is a ball.

    Args:
        volume: Hounsfield units with their place in the patient.
        point_lps_mm: LPS mm, within the volume.
        settings: how far to look and to grow.

    Returns:
        The box of the volume, the mask in it (at least one voxel), and whether it was grown.
    """
    geometry = volume.geometry
    shape, spacing = np.asarray(geometry.shape_irc), np.asarray(geometry.spacing_irc_mm)
    middle = geometry.lps_to_index(point_lps_mm)
    reach = settings.grow_mm / spacing
    start = np.clip(np.floor(middle - reach), 0, shape - 1).astype(int)
    stop = np.clip(np.ceil(middle + reach) + 1, start + 1, shape).astype(int)
    i, r, c = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    hu = volume.hu[i, r, c].astype(np.float32)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in hu.shape), indexing="ij"), -1) + start
    offset = geometry.index_to_lps(index) - np.asarray(point_lps_mm)
    distance = np.linalg.norm(offset, axis=-1)
    near = distance <= max(settings.near_mm, distance.min())
    seed = np.unravel_index(int(np.where(near, hu, -np.inf).argmax()), hu.shape)
    around = distance <= settings.grow_mm
    level = (float(hu[seed]) + float(np.percentile(hu[around], 25))) / 2
    dense = (hu >= level) & around
    for mask in (ndimage.binary_opening(dense), dense):
        groups, _ = ndimage.label(mask, np.ones((3, 3, 3)))
        own = groups == groups[seed]
        if groups[seed] and float(distance[own].max()) < settings.grow_mm - float(spacing.max()):
            return (i, r, c), np.asarray(own), True
    ball = distance <= max(settings.ball_mm / 2, float(distance.min()))
    return (i, r, c), np.asarray(ball), False
