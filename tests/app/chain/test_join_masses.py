"""Masses of the coarse pass are joined with candidates of the fine one."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.chain.coarse_pass import Mass
from nodulus.app.chain.join_masses import join_masses
from nodulus.app.chain.settings import load_settings
from nodulus.transforms.candidates import Candidate, group_candidates
from nodulus.transforms.geometry import Geometry

CHOSEN = load_settings().pipeline.masses

GRID = Geometry((80, 80, 80), np.eye(4))
MIDDLE, RADIUS = np.array([40, 40, 40]), 20


def ball(center: tuple[int, int, int], radius: float) -> np.ndarray:
    axes = np.meshgrid(*(np.arange(80) - c for c in center), indexing="ij")
    return np.linalg.norm(np.stack(axes), axis=0) <= radius


def mass(radius: float = RADIUS) -> Mass:
    where = ball((40, 40, 40), radius)
    box = (slice(15, 65),) * 3
    return Mass(box, where[box], where[box].astype(np.float32) * 0.8, 2 * radius, 3.0)


def candidates(probability: np.ndarray) -> list[Candidate]:
    return group_candidates(probability, np.eye(4), threshold=0.25)


def test_fragments_at_the_rim_become_part_of_the_mass() -> None:
    probability = np.zeros(GRID.shape_irc, np.float32)
    probability[ball((58, 40, 40), 3)] = 0.9  # at the rim, partly outside
    probability[ball((40, 24, 40), 2)] = 0.7  # inside
    probability[ball((8, 8, 8), 3)] = 0.95  # elsewhere
    fine = candidates(probability)
    joined = join_masses([mass()], fine, probability, GRID, CHOSEN)
    assert len(joined.candidates) == 2
    elsewhere, whole = joined.candidates
    assert joined.crop_spacing_mm == [None, 3.0]
    assert elsewhere is fine[0]
    assert whole.center_mm == pytest.approx((40, 40, 40), abs=0.5)
    assert whole.equivalent_diameter_mm == pytest.approx(2 * RADIUS, abs=1)
    assert whole.peak_probability == pytest.approx(0.9)
    assert [
        d.reason.startswith("dropped: part of the mass at LPS (40") for d in joined.dropped
    ] == [
        True,
        True,
    ]
    assert (joined.probability[whole.box][whole.mask] >= 0.5).all()
    assert probability[40, 40, 40] == 0.0  # what was given is not changed


def test_a_candidate_that_covers_a_mass_gives_its_outline() -> None:
    probability = np.zeros(GRID.shape_irc, np.float32)
    probability[ball((40, 40, 40), RADIUS - 2)] = 0.9
    (one,) = candidates(probability)
    joined = join_masses([mass()], [one], probability, GRID, CHOSEN)
    (whole,) = joined.candidates
    assert whole.volume_mm3 == one.volume_mm3
    assert joined.crop_spacing_mm == [3.0]


def test_a_covered_nodule_stays_as_it_is() -> None:
    probability = np.zeros(GRID.shape_irc, np.float32)
    probability[ball((40, 40, 40), 12)] = 0.9
    (one,) = candidates(probability)
    joined = join_masses([mass(13)], [one], probability, GRID, CHOSEN)
    assert joined.candidates == [one]
    assert joined.crop_spacing_mm == [None]
    assert joined.dropped == []
    assert joined.probability is probability


def test_without_masses_nothing_changes() -> None:
    probability = np.zeros(GRID.shape_irc, np.float32)
    probability[ball((8, 8, 8), 3)] = 0.95
    fine = candidates(probability)
    joined = join_masses([], fine, probability, GRID, CHOSEN)
    assert joined.candidates == fine
    assert joined.probability is probability
