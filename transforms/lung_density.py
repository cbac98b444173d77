"""Share of the lungs below a density: the emphysema index of quantitative CT."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion


def low_attenuation_share(
    hu: NDArray[Any], geometry: Geometry, lungs: LungRegion, below_hu: float
) -> float | None:
    """The share of the aerated lungs' voxels that are below a density.

    Of each voxel of the lungs' coarse grid the scan's own voxel at its centre counts, so that no
    averaging lowers the share. With -950 HU and thin slices it agreed best with emphysema in the
    specimen (Gevenois et al., Am J Respir Crit Care Med 154:187-192, 1996). It depends on the
    kernel, the slice thickness, the dose and the breath: it is no diagnosis.

    Args:
        hu: shape (I, R, C).
        geometry: of ``hu``.
        lungs: of the scan.
        below_hu: the density.

    Returns:
        0 to 1; None where no voxel is aerated.
    """
    points = lungs.geometry.index_to_lps(np.argwhere(lungs.aerated))
    if len(points) == 0:
        return None
    index = np.round(geometry.lps_to_index(points)).astype(int)
    inside = np.all((index >= 0) & (index < np.asarray(hu.shape)), axis=1)
    i, r, c = index[inside].T
    return float((hu[i, r, c] < below_hu).mean()) if inside.any() else None
