"""How much of the lungs a scan shows."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.chain.lung_coverage import USUAL_SECTION, covered_share, lung_coverage
from nodulus.app.chain.settings import load_settings
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion

COVERAGE = load_settings().pipeline.coverage
SPACING_MM = 5.0


def section(length_mm: float) -> np.ndarray:
    """The usual course of the cross-section in lungs of a length, cm2."""
    at = (np.arange(round(length_mm / SPACING_MM)) + 0.5) * SPACING_MM / length_mm
    return 170.0 * np.interp(at, np.linspace(0, 1, len(USUAL_SECTION)), USUAL_SECTION)


def region(sections_cm2: np.ndarray, *, flipped: bool = False, axis: int = 0) -> LungRegion:
    """Square lungs of these cross-sections, one voxel a cm2."""
    shape = [20, 20]
    masks = np.zeros((len(sections_cm2), *shape), bool)
    for mask, area in zip(masks, sections_cm2, strict=True):
        mask.ravel()[: round(float(area))] = True
    direction = -1.0 if flipped else 1.0
    spacing = [10.0, 10.0, 10.0]
    spacing[axis] = SPACING_MM
    affine = np.eye(4)
    lps = [2, 1, 0] if axis == 0 else [1, 2, 0]
    for k in range(3):
        affine[:3, k] = 0
        affine[lps[k], k] = spacing[k]
    affine[2, lps.index(2)] *= direction
    mask = np.moveaxis(masks, 0, lps.index(2))
    return LungRegion(mask, mask, Geometry(mask.shape, affine), (True, True))


def test_whole_lungs_are_whole() -> None:
    whole = np.concatenate([[0.0], section(270.0)[:-1], [0.0]])
    coverage = lung_coverage(region(whole), COVERAGE)
    assert (coverage.share, coverage.cut_cm2, coverage.is_partial) == (1.0, (0.0, 0.0), False)


@pytest.mark.parametrize(("length_mm", "kept"), [(260.0, 0.3), (280.0, 0.5), (300.0, 0.8)])
@pytest.mark.parametrize("from_below", [True, False])
def test_the_share_of_a_part(length_mm: float, kept: float, from_below: bool) -> None:
    whole = section(length_mm)
    count = round(kept * len(whole))
    part = whole[:count] if from_below else whole[-count:]
    share = covered_share(part, SPACING_MM, COVERAGE, is_cut=(not from_below, from_below))
    assert share == pytest.approx(part.sum() / whole.sum(), abs=0.08)


def test_a_part_from_the_middle() -> None:
    whole = section(280.0)
    part = whole[15:35]
    share = covered_share(part, SPACING_MM, COVERAGE, is_cut=(True, True))
    assert share == pytest.approx(part.sum() / whole.sum(), abs=0.1)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("flipped", [False, True])
def test_the_cut_end_is_named_whatever_the_axes(flipped: bool, axis: int) -> None:
    upper_half = section(280.0)[28:]
    sections = upper_half[::-1] if flipped else upper_half
    coverage = lung_coverage(region(sections, flipped=flipped, axis=axis), COVERAGE)
    low, high = coverage.cut_cm2
    assert high == 0.0
    assert low == pytest.approx(upper_half[0], abs=1.0)
    assert coverage.share == pytest.approx(upper_half.sum() / section(280.0).sum(), abs=0.08)


def test_the_trachea_cuts_nothing_off() -> None:
    whole = np.concatenate([[0.0], section(280.0), [3.0, 3.0]])
    assert not lung_coverage(region(whole), COVERAGE).is_partial
