"""Every number of one finding, from a nodule whose voxels are known one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from nodulus.app.chain.findings import Scored, build_findings
from nodulus.app.chain.protocols import Outline
from nodulus.app.chain.settings import OperatingPoints, load_settings
from nodulus.app.result import Characteristic, Finding, OperatingPoint
from nodulus.app.volume import CtVolume
from nodulus.transforms.candidates import make_candidate
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT, RIGHT
from nodulus.transforms.measurements import Diameters, measure

SHAPE = (24, 30, 40)
VOXEL_MM3 = 1.0 * 1.5 * 1.25
BOX = (slice(4, 14), slice(6, 14), slice(8, 20))
RATED = (Characteristic(name="spiculation", probability=0.61, present=True),)


def axial(spacing_zyx_mm: Sequence[float], first_xyz_mm: Sequence[float]) -> np.ndarray:
    """Slices to the head, rows to the back, columns to the left."""
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2] = spacing_zyx_mm
    affine[:3, 3] = first_xyz_mm
    affine[3, 3] = 1.0
    return affine


GRID = Geometry(SHAPE, axial((1.0, 1.5, 1.25), (51.29, -45.0, 160.0)))


def lungs() -> LungRegion:
    """Two boxes: x 10 to 90 mm on either side, y -60 to 90 mm, z 10 to 210 mm."""
    sides = np.zeros((46, 34, 41), np.uint8)
    sides[2:43, 3:34, 2:19] = RIGHT
    sides[2:43, 3:34, 22:39] = LEFT
    geometry = Geometry(sides.shape, axial((5.0, 5.0, 5.0), (-100.0, -75.0, 0.0)))
    return LungRegion(sides > 0, sides, geometry, (False, False))


def points() -> OperatingPoints:
    levels = {"segmentation_voxel": 0.4, "segmentation_peak": 0.5, "nodule": 0.3}
    levels["malignancy"] = 0.5
    return OperatingPoints(
        **{n: OperatingPoint(name=n, threshold=t, chosen_on="") for n, t in levels.items()}
    )


def nodule() -> tuple[np.ndarray, np.ndarray]:
    """HU and mask of 10 x 8 x 12 voxels in BOX, without the 12 of one edge."""
    mask = np.ones((10, 8, 12), bool)
    mask[0, 0] = False
    hu = np.full(mask.shape, 40, np.int16)
    hu[:, :, 11] = -600  # a faint rim of 79 voxels
    hu[2:5, 2:5, 2:5] = -80  # fat
    hu[6:8, 4:6, 5:9] = -900  # air
    hu[0:2, 6:8, 0:5] = 300  # calcium, at one edge
    return hu, mask


def scored(mask: np.ndarray, outline: Outline | None = None) -> Scored:
    probability = np.zeros(SHAPE, np.float32)
    probability[BOX][mask] = 0.75
    candidate = make_candidate(probability, BOX, mask, GRID.affine_lps, GRID.voxel_volume_mm3)
    return Scored(candidate, outline or Outline(BOX, mask), 0.62, 0.57, 0.41, RATED)


def built(hu: np.ndarray, one: Scored, region: LungRegion | None = None) -> Finding:
    whole = np.full(SHAPE, -850, np.int16)
    whole[BOX] = hu
    volume = CtVolume(whole, GRID, "1.2.3", None, "mhd")
    (found,), labels = build_findings(
        volume,
        [one],
        lungs() if region is None else region,
        points(),
        load_settings().pipeline,
    )
    assert found is not None
    assert np.count_nonzero(labels) == found.voxel_count
    return found


def diameters(mask: np.ndarray) -> Diameters:
    """Of a mask in BOX, measured in the whole volume."""
    whole = np.zeros(SHAPE, bool)
    whole[BOX] = mask
    return measure(np.zeros(SHAPE), whole, GRID).diameters


@pytest.fixture
def found() -> Finding:
    hu, mask = nodule()
    return built(hu, scored(mask))


def test_each_probability_is_its_own(found: Finding) -> None:
    assert found.nodule_probability == 0.62
    assert found.classifier_probability == 0.57
    assert found.malignancy_probability == 0.41
    assert found.segmentation_probability == 0.75
    assert found.characteristics == RATED
    assert found.suspicious is False


def test_place(found: Finding) -> None:
    _, mask = nodule()
    index = np.argwhere(mask).mean(axis=0) + np.array([4, 6, 8])
    np.testing.assert_allclose(found.center_index_irc, index, atol=1e-9)
    i, r, c = index
    center = (51.29 + 1.25 * c, -45.0 + 1.5 * r, 160.0 + i)
    np.testing.assert_allclose(found.center_lps_mm, center, atol=1e-9)
    assert (found.laterality, found.lobe) == ("left", "upper")


def test_the_tracking_uid_is_made_of_the_series_and_the_place(found: Finding) -> None:
    assert [round(v, 1) for v in found.center_lps_mm] == [68.2, -30.7, 168.6]
    digest = hashlib.sha256(b"1.2.3/68.2/-30.7/168.6").hexdigest()
    assert found.tracking_uid == f"2.25.{int(digest[:32], 16)}"


def test_size(found: Finding) -> None:
    _, mask = nodule()
    assert found.voxel_count == 948
    assert found.volume_mm3 == pytest.approx(948 * VOXEL_MM3)
    assert found.equivalent_diameter_mm == pytest.approx(np.cbrt(948 * VOXEL_MM3 * 6 / np.pi))
    # Outlines cut the corner of a box from the middle of one voxel's edge to the next one's.
    assert found.longest_diameter_mm == pytest.approx(np.hypot(7 * 1.5, 12 * 1.25))
    axes = diameters(mask)
    assert found.perpendicular_diameter_mm == pytest.approx(axes.perpendicular_mm)
    tenths = round(found.longest_diameter_mm, 1) + round(found.perpendicular_diameter_mm, 1)
    assert found.mean_diameter_mm == pytest.approx(tenths / 2, abs=0.0501)
    assert found.perpendicular_diameter_mm < found.mean_diameter_mm < found.longest_diameter_mm
    for ends, length in (
        (found.longest_diameter_ends_lps_mm, found.longest_diameter_mm),
        (found.perpendicular_diameter_ends_lps_mm, found.perpendicular_diameter_mm),
    ):
        assert np.linalg.norm(np.subtract(*ends)) == pytest.approx(length)
        index = GRID.lps_to_index(ends)
        assert (index >= np.array([4, 5.5, 7.5]) - 1e-6).all()
        assert (index <= np.array([13, 13.5, 19.5]) + 1e-6).all()
    assert found.kind == "nodule"


def test_density(found: Finding) -> None:
    hu, mask = nodule()
    counts = {300: 20, -80: 27, -900: 16, -600: 79}
    counts[40] = 948 - sum(counts.values())
    assert {v: int((hu[mask] == v).sum()) for v in counts} == counts
    mean = sum(v * n for v, n in counts.items()) / 948
    assert found.mean_hu == pytest.approx(mean)
    squares = sum(n * (v - mean) ** 2 for v, n in counts.items())
    assert found.sd_hu == pytest.approx(np.sqrt(squares / 948))


def test_what_it_is_made_of(found: Finding) -> None:
    core = 8 * 6 * 10  # without one voxel at each side
    assert found.texture == "solid"
    assert found.solid_share == pytest.approx((core - 16) / core)
    assert found.solid_volume_mm3 == pytest.approx((948 - 79 - 16) * VOXEL_MM3)
    assert found.solid_longest_diameter_mm == pytest.approx(np.hypot(8 * 1.5, 10 * 1.25))
    hu, mask = nodule()
    assert found.solid_mean_diameter_mm == pytest.approx(diameters(mask & (hu > -300)).mean_mm)
    assert found.calcified_share == pytest.approx(20 / 948)
    assert found.calcification == "other"
    assert found.fat_share == pytest.approx(27 / core)
    assert found.cavity_volume_mm3 == pytest.approx(16 * VOXEL_MM3)


def test_fat_is_told_of_solid_nodules_alone() -> None:
    hu, mask = nodule()
    hu[:, :, 6:] = -600
    part_solid = built(hu, scored(mask))
    assert part_solid.texture == "part-solid"
    assert part_solid.fat_share is None
    assert part_solid.calcification == "other"


def test_the_distance_to_the_pleura_is_rounded_to_tenths(found: Finding) -> None:
    # Its last column lies at 75.04 mm; the lung's surface half a voxel of 5 mm before 95 mm.
    assert found.pleura_distance_mm == 17.5
    assert found.juxtapleural is False


@pytest.mark.parametrize(("distance_mm", "touches"), [(2.5, True), (2.6, False), (0.0, True)])
def test_juxtapleural_is_up_to_the_limit(distance_mm: float, touches: bool) -> None:
    """The lungs' grid is moved so that the nodule's last column lies so near to the surface."""
    region = lungs()
    affine = region.geometry.affine_lps.copy()
    affine[0, 3] -= 17.46 - distance_mm
    moved = LungRegion(
        region.search_region,
        region.sides,
        Geometry(region.geometry.shape_irc, np.round(affine, 6)),
        (False, False),
    )
    hu, mask = nodule()
    near = built(hu, scored(mask), region=moved)
    assert near.pleura_distance_mm == pytest.approx(distance_mm, abs=0.01)
    assert near.juxtapleural is touches


def test_outside_of_the_lungs_no_distance_is_told() -> None:
    region = lungs()
    none = np.zeros_like(region.sides)
    away = LungRegion(none > 0, none, region.geometry, (False, False))
    hu, mask = nodule()
    outside = built(hu, scored(mask), region=away)
    assert outside.pleura_distance_mm is None
    assert outside.juxtapleural is None
    assert (outside.laterality, outside.lobe) == (None, None)


def test_an_outline_of_its_own_is_taken_as_it_is() -> None:
    hu, mask = nodule()
    box = (slice(5, 9), slice(7, 10), slice(9, 14))
    own = np.ones((4, 3, 5), bool)
    own[0, 0, 0] = False
    found = built(hu, scored(mask, Outline(box, own)))
    assert found.voxel_count == 59
    assert found.segmentation_probability == 0.75


@pytest.mark.parametrize(("count", "kind"), [(255, np.uint8), (256, np.uint16)])
def test_labels_are_as_wide_as_the_number_of_candidates_asks(count: int, kind: Any) -> None:
    _, mask = nodule()
    one = scored(mask)
    volume = CtVolume(np.full(SHAPE, 40, np.int16), GRID, "1.2.3", None, "mhd")
    found, labels = build_findings(
        volume,
        [one] * count,
        lungs(),
        points(),
        load_settings().pipeline,
    )
    assert labels.dtype == kind
    assert labels.shape == SHAPE
    assert [n for n, f in enumerate(found) if f is not None] == [0]
