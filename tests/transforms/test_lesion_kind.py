"""Nodule, mass or consolidation, by size and form."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lesion_kind import LesionKind, LesionKindRule, lesion_kind, solidity

RULE = LesionKindRule(mass_above_mm=30.0, compact_share=0.75, spicule_mm=2.0)

SPACING = np.diag([2.0, 1.0, 1.0, 1.0])


def grid(size_mm: float) -> tuple[np.ndarray, Geometry]:
    """Millimetres from the middle along each axis, and the geometry."""
    shape = (int(size_mm / 2), int(size_mm), int(size_mm))
    geometry = Geometry(shape, SPACING)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    return geometry.index_to_lps(index) - size_mm / 2, geometry


def test_a_ball_fills_its_hull_and_a_ring_does_not() -> None:
    mm, geometry = grid(60)
    distance = np.linalg.norm(mm, axis=-1)
    assert solidity(distance <= 25, geometry, RULE.spicule_mm) > 0.9
    shell = (distance <= 25) & (distance >= 18) & (mm[..., 1] > 0)
    assert solidity(shell, geometry, RULE.spicule_mm) < RULE.compact_share


def test_what_has_no_volume_is_solid() -> None:
    mask = np.zeros((3, 3, 3), bool)
    mask[1, 1, 1] = True
    assert solidity(mask, Geometry((3, 3, 3), np.eye(4)), RULE.spicule_mm) == pytest.approx(1.0)


def test_size_and_form_name_a_lesion() -> None:
    mm, geometry = grid(60)
    distance = np.linalg.norm(mm, axis=-1)
    ball = distance <= 20
    crescent = ball & (np.linalg.norm(mm - np.array([0, 15.0, 0]), axis=-1) > 20)
    assert lesion_kind(ball, geometry, 30.0, RULE) is LesionKind.NODULE
    assert lesion_kind(ball, geometry, 30.1, RULE) is LesionKind.MASS
    assert lesion_kind(crescent, geometry, 40.0, RULE) is LesionKind.MASS_OR_CONSOLIDATION
