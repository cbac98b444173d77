"""Masses in the search region are kept; those beyond it are judged as nodules are."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.chain.protocols import Detection, Outline
from nodulus.app.chain.settings import load_settings
from nodulus.app.chain.sure_masses import sure_masses
from nodulus.transforms.candidates import Candidate, make_candidate
from nodulus.transforms.geometry import Geometry
from tests.app.chain.box_lungs import box_lungs

CHOSEN = load_settings().pipeline.masses
LUNGS = box_lungs()
"""Air from 0 to 240 mm, and nothing else in the search region."""
GRID = Geometry.from_itk((150, 120, 300), (1.5, 1.5, 1.5), (-110.0, -90.0, -150.0), np.eye(3))
RADIUS_MM = 30.0


def mass(z_mm: float) -> Candidate:
    """A ball in the right lung's column at a height above its base."""
    points = GRID.index_to_lps(np.moveaxis(np.indices(GRID.shape_irc), 0, -1))
    ball = np.linalg.norm(points - (-60.0, 0.0, z_mm), axis=-1) <= RADIUS_MM
    where = np.argwhere(ball)
    x, y, z = (slice(int(a), int(b) + 1) for a, b in zip(where.min(0), where.max(0), strict=True))
    box = (x, y, z)
    probability = ball.astype(np.float32)
    return make_candidate(probability, box, ball[box], GRID.affine_lps, GRID.voxel_volume_mm3)


def detection(*heights_mm: float, outlines: tuple[Outline | None, ...] = ()) -> Detection:
    found = tuple(mass(z) for z in heights_mm)
    empty = np.zeros(GRID.shape_irc, np.float32)
    places = tuple(c.center_mm for c in found)
    return Detection(
        empty, GRID, found, (), places, frozenset(range(len(found))), outlines=outlines
    )


@pytest.mark.parametrize(
    ("z_mm", "is_sure"), [(120.0, True), (5.0, True), (-5.0, False), (-60.0, False)]
)
def test_half_of_a_sure_mass_lies_where_nodules_are_looked_for(z_mm: float, is_sure: bool) -> None:
    assert sure_masses(detection(z_mm), LUNGS, CHOSEN) == (frozenset({0}) if is_sure else set())


def test_each_mass_is_judged_by_itself() -> None:
    assert sure_masses(detection(-60.0, 120.0, -20.0), LUNGS, CHOSEN) == {1}


def test_where_everything_is_looked_at_all_are_sure() -> None:
    assert sure_masses(detection(-60.0), None, CHOSEN) == {0}


def test_what_another_source_outlines_is_sure() -> None:
    outline = Outline((slice(0, 1),) * 3, np.ones((1, 1, 1), bool))
    two = detection(-60.0, -60.0, outlines=(outline, None))
    assert sure_masses(two, LUNGS, CHOSEN) == {0}


def test_settings_of_before_keep_all() -> None:
    before = CHOSEN.model_copy(update={"kept_share_in_region": 0.0})
    assert sure_masses(detection(-60.0), LUNGS, before) == {0}
