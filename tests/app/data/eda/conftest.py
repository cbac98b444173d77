"""A scan in memory: two boxes of lung in a body, 2 mm voxels, and nodules where one wants them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nodulus.app.data.eda.scan_image import ScanImage
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.data.tables import LabelledCandidate, Nodule
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.spheres import sphere_voxels

SHAPE_IRC = (40, 60, 80)
GEOMETRY = Geometry(
    SHAPE_IRC,
    np.array(
        [[0.0, 0.0, 2.0, -80.0], [0.0, 2.0, 0.0, -60.0], [2.0, 0.0, 0.0, 100.0], [0, 0, 0, 1]]
    ),
)
RIGHT, LEFT = (-40.0, 0.0, 140.0), (44.0, 0.0, 140.0)
"""LPS mm, in the middle of each lung."""


@pytest.fixture
def make_study() -> Callable[..., Study]:
    def make(*nodules: Nodule, uid: str = "1.2.3", patient: str = "P", **other: Any) -> Study:
        candidates: tuple[LabelledCandidate, ...] = other.pop("candidates", ())
        return Study(uid, patient, None, None, nodules, candidates, **other)

    return make


@pytest.fixture
def make_nodule() -> Callable[..., Nodule]:
    def make(
        center: tuple[float, float, float] = RIGHT, diameter: float = 10.0, **other: Any
    ) -> Nodule:
        return Nodule("1.2.3", center, diameter, **other)

    return make


@pytest.fixture
def make_image() -> Callable[..., ScanImage]:
    """An image with a ball of tissue, and its label, for each nodule that has a label."""

    def make(*nodules: Nodule, with_lungs: bool = True) -> ScanImage:
        hu = np.full(SHAPE_IRC, -1000, np.int16)
        hu[:, 5:55, 5:75] = 40
        lungs = np.zeros(SHAPE_IRC, bool)
        lungs[5:35, 12:48, 10:32] = lungs[5:35, 12:48, 50:74] = True
        hu[lungs] = -850
        labels = np.zeros(SHAPE_IRC, np.uint8)
        for nodule in nodules:
            box, inside = sphere_voxels(GEOMETRY, nodule.center_lps_mm, nodule.diameter_mm)
            hu[box][inside] = 20
            labels[box][inside] = nodule.label or 0
        return ScanImage(hu, GEOMETRY, labels, lungs if with_lungs else None, GEOMETRY)

    return make
