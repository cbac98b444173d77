"""The nodules of a label map, as rows of the training data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.bundles.common.data.tables import Nodule, Point
from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.ignore_label import IGNORE_LABEL


def measured_nodules(
    labels: NDArray[np.uint8],
    geometry: Geometry,
    make: Callable[[int, Point, float], Nodule],
) -> tuple[Nodule, ...]:
    """Measure each nodule of a label map.

    Args:
        labels: shape (I, R, C): 0 background, n nodule n, 255 ignored.
        geometry: of ``labels``.
        make: called with label, centre of mass (LPS mm) and the diameter of the sphere of the
            same volume (mm).
    """
    nodules = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None or label == IGNORE_LABEL:
            continue
        index = np.argwhere(labels[box] == label)
        center = geometry.index_to_lps(index.mean(axis=0) + [part.start for part in box])
        x, y, z = (float(value) for value in center)
        diameter = equivalent_diameter_mm(len(index) * geometry.voxel_volume_mm3)
        nodules.append(make(label, (x, y, z), diameter))
    return tuple(nodules)
