"""A candidate's outline on the scanner's grid: who is drawn by density, and from what."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.chain.analyse import _outline
from nodulus.app.chain.native_mask import mask_diameter_mm, native_mask, outline_of
from nodulus.app.chain.protocols import Detection, Outline
from nodulus.app.chain.settings import load_settings
from nodulus.app.volume import CtVolume
from nodulus.transforms.candidates import Candidate, make_candidate
from nodulus.transforms.closed_lungs import LungBound
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT

SETTINGS = load_settings()
THRESHOLD = SETTINGS.operating_points.segmentation_voxel.threshold
RADIUS_MM = 5.0
NETWORK = Geometry((50, 50, 50), np.diag([1.0, 1.0, 1.0, 1.0]))


def native(middle_mm: float) -> CtVolume:
    """A solid ball in lung, in voxels of 1.25 x 0.7 x 0.7 mm."""
    affine = np.diag([1.25, 0.7, 0.7, 1.0])
    shape = (40, 70, 70)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    away_mm = np.linalg.norm(index * [1.25, 0.7, 0.7] - middle_mm, axis=-1)
    hu = np.clip(-400.0 - 900.0 * (away_mm - RADIUS_MM), -850.0, 50.0)
    return CtVolume(hu.astype(np.int16), Geometry(shape, affine), "1.2.3", None, "mhd")


def too_wide(middle_mm: float) -> tuple[Candidate, np.ndarray]:
    """What a network sees that draws the ball 1.5 mm too wide."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in NETWORK.shape_irc), indexing="ij"), -1)
    away_mm = np.linalg.norm(index - middle_mm, axis=-1)
    probability = (1 / (1 + np.exp((away_mm - RADIUS_MM - 1.5) / 0.4))).astype(np.float32)
    mask = probability >= THRESHOLD
    ends = [(int(a.min()), int(a.max()) + 1) for a in np.nonzero(mask)]
    x, y, z = (slice(a, b) for a, b in ends)
    return (
        make_candidate(probability, (x, y, z), mask[x, y, z], NETWORK.affine_lps, 1.0),
        probability,
    )


def lungs_up_to(first_axis_mm: float) -> LungBound | None:
    """Lung below a plane across the first axis, nothing beyond it."""
    grid = Geometry((40, 40, 40), np.diag([2.5, 2.5, 2.5, 1.0]))
    sides = np.zeros(grid.shape_irc, np.uint8)
    sides[np.arange(40) * 2.5 < first_axis_mm] = LEFT
    return SETTINGS.pipeline.lung_bound(LungRegion(sides > 0, sides, grid, (False, False)))


def ball_mm3() -> float:
    return 4 / 3 * np.pi * RADIUS_MM**3


@pytest.mark.parametrize("middle_mm", [24.0, 4.0], ids=["inside", "at the end of the scan"])
def test_the_border_is_that_of_the_density(middle_mm: float) -> None:
    volume, (candidate, probability) = native(middle_mm), too_wide(middle_mm)
    rule = SETTINGS.pipeline.outline_rule()
    assert rule is not None
    box, mask = outline_of(candidate, probability, NETWORK, volume, THRESHOLD, rule)
    drawn = np.zeros(volume.hu.shape, bool)
    drawn[box] = mask
    # Where the density falls by half lies the ball's surface.
    np.testing.assert_array_equal(drawn, volume.hu >= -400)
    wide = native_mask(candidate, probability, NETWORK, volume.geometry, THRESHOLD)[1]
    assert wide.sum() > 1.9 * mask.sum()


def test_without_a_rule_the_threshold_draws() -> None:
    volume, (candidate, probability) = native(24.0), too_wide(24.0)
    one = outline_of(candidate, probability, NETWORK, volume, THRESHOLD, None)
    other = native_mask(candidate, probability, NETWORK, volume.geometry, THRESHOLD)
    assert one[0] == other[0]
    np.testing.assert_array_equal(one[1], other[1])


def test_the_size_is_that_of_the_outline() -> None:
    volume, (candidate, probability) = native(24.0), too_wide(24.0)
    detection = Detection(probability, NETWORK, (candidate,), (), ((24.0, 24.0, 24.0),))
    outline = _outline(volume, detection, 0, SETTINGS, lungs_up_to(100.0))
    expected_mm = (6 / np.pi * ball_mm3()) ** (1 / 3)
    assert mask_diameter_mm(outline.mask, volume.geometry) == pytest.approx(expected_mm, abs=0.3)
    assert candidate.equivalent_diameter_mm > expected_mm + 2


def test_what_lies_beyond_the_pleura_is_no_part_of_a_nodule() -> None:
    volume, (candidate, probability) = native(24.0), too_wide(24.0)
    detection = Detection(probability, NETWORK, (candidate,), (), ((24.0, 24.0, 24.0),))
    whole = _outline(volume, detection, 0, SETTINGS, lungs_up_to(100.0))
    cut = _outline(volume, detection, 0, SETTINGS, lungs_up_to(26.0))
    first_mm = 1.25 * (cut.box[0].start + np.arange(cut.mask.shape[0]))
    assert not cut.mask[first_mm > 27.5].any()
    np.testing.assert_array_equal(cut.mask[first_mm < 25.0], whole.mask[first_mm < 25.0])
    assert 0.5 < cut.mask.sum() / whole.mask.sum() < 0.85


def test_a_mass_ends_at_the_pleura_too() -> None:
    volume, (candidate, probability) = native(24.0), too_wide(24.0)
    place = ((24.0, 24.0, 24.0),)
    mass = Detection(probability, NETWORK, (candidate,), (), place, masses=frozenset({0}))
    box, mask = native_mask(candidate, probability, NETWORK, volume.geometry, THRESHOLD)
    drawn = _outline(volume, mass, 0, SETTINGS, lungs_up_to(26.0))
    first_mm = 1.25 * (box[0].start + np.arange(mask.shape[0]))
    assert drawn.box == box
    assert not drawn.mask[first_mm > 27.5].any()
    np.testing.assert_array_equal(drawn.mask[first_mm < 25.0], mask[first_mm < 25.0])


def test_masses_and_other_tools_outlines_stay_as_they_are() -> None:
    volume, (candidate, probability) = native(24.0), too_wide(24.0)
    place = ((24.0, 24.0, 24.0),)
    mass = Detection(probability, NETWORK, (candidate,), (), place, masses=frozenset({0}))
    box, mask = native_mask(candidate, probability, NETWORK, volume.geometry, THRESHOLD)
    drawn = _outline(volume, mass, 0, SETTINGS, lungs_up_to(100.0))
    assert drawn.box == box
    np.testing.assert_array_equal(drawn.mask, mask)
    given = Outline(box, np.ones(mask.shape, bool))
    other = Detection(probability, NETWORK, (candidate,), (), place, outlines=(given,))
    assert _outline(volume, other, 0, SETTINGS, lungs_up_to(24.0)) is given
