"""The lobe of a point is told where it is certain, and not otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from nodulus.app.chain.lobe import Lobes
from nodulus.app.chain.settings import load_settings
from nodulus.app.result import LOBES, LobeName, SideName
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lung_sides import LEFT
from tests.app.chain.box_lungs import box_lungs
from tests.app.chain.fissured_chest import HEIGHT_MM, make_chest, true_lobes

PIPELINE = load_settings().pipeline
LEFT_OR_RIGHT = (LOBES["left"], LOBES["right"])
SIDES: dict[SideName, int] = {"left": 1, "right": -1}


def lobes_of(volume: CtVolume, lungs: LungRegion) -> Lobes:
    return Lobes(volume, lungs, PIPELINE.lobe, PIPELINE.fissures)


def even(lungs: LungRegion) -> CtVolume:
    """A CT that shows nothing in its lungs."""
    hu = np.where(lungs.aerated, -860, 40).astype(np.int16)
    return CtVolume(hu, lungs.geometry, "1.2.3", "1.2", "mhd")


def points(side: SideName, count: int = 400) -> NDArray[np.float64]:
    """Places all over a lung of the chest with fissures."""
    rng = np.random.default_rng(5)
    xyz = rng.uniform((15.0, -75.0, 5.0), (105.0, 75.0, HEIGHT_MM - 5.0), (count, 3))
    return xyz * (SIDES[side], 1.0, 1.0)


def said(lobes: Lobes, side: SideName) -> list[tuple[LobeName, ...]]:
    return [lobes.possible(side, point) for point in points(side).tolist()]


# Height and depth as shares of the lung; what the oblique fissure says.
PLACES = {
    "apex, half-way back": (0.97, 0.5, ("upper",), ("upper",)),
    "front, at two thirds": (0.66, 0.1, ("upper",), ("upper", "middle")),
    "behind, above any horizontal fissure": (0.78, 0.9, LOBES["left"], ("upper", "lower")),
    "middle": (0.5, 0.5, *LEFT_OR_RIGHT),
    "behind, low": (0.3, 0.9, ("lower",), ("lower",)),
    "front, low": (0.02, 0.2, LOBES["left"], ("middle", "lower")),
}


@pytest.mark.parametrize("place", PLACES)
def test_where_no_fissure_is_seen_only_what_is_certain_by_place_is_said(place: str) -> None:
    height, depth, left, right = PLACES[place]
    lungs = box_lungs()
    lobes = lobes_of(even(lungs), lungs)
    point = (60.0, -80.0 + 160.0 * depth, 240.0 * height)
    assert lobes.possible("left", point) == left
    assert lobes.possible("right", (-60.0, *point[1:])) == right
    assert lobes.possible(None, point) == ()


@pytest.mark.parametrize("side", ["left", "right"])
def test_fissures_that_are_seen_tell_the_lobe(side: SideName) -> None:
    lobes = lobes_of(*make_chest())
    truth = true_lobes(points(side))
    told = said(lobes, side)
    assert all(lobe in one for lobe, one in zip(truth, told, strict=True))
    for lobe in LOBES[side]:
        known = [one == (lobe,) for one, true in zip(told, truth, strict=True) if true == lobe]
        assert np.mean(known) > 0.75, lobe


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_fissure_is_where_it_was_drawn(side: SideName) -> None:
    fissures = lobes_of(*make_chest()).fissures(side)
    assert fissures.oblique is not None
    at = points(side)
    lower = true_lobes(at) == "lower"
    far = np.abs(fissures.oblique.height_over(at)) > 2.5
    assert far.mean() > 0.9
    np.testing.assert_array_equal(fissures.oblique.height_over(at)[far] < 0, lower[far])


def test_without_fissures_few_lobes_are_told_and_none_wrongly_by_place() -> None:
    seen, unseen = (lobes_of(*make_chest(fissures=shown)) for shown in (True, False))
    for side in SIDES:
        told = [len(one) == 1 for one in said(unseen, side)]
        assert np.mean(told) < np.mean([len(one) == 1 for one in said(seen, side)]) - 0.15


TURNS = {
    "feet first": ((0, 1, 2), (0,)),
    "prone": ((0, 1, 2), (1, 2)),
    "sagittal": ((2, 0, 1), ()),
    "coronal, from the back": ((1, 0, 2), (0, 1)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_array_axes_do_not_matter(turn: str) -> None:
    order, flipped = TURNS[turn]
    volume, lungs = make_chest()
    turned = CtVolume(
        np.flip(volume.hu.transpose(order), flipped),
        turned_geometry(volume.geometry, order, flipped), "1.2.3", "1.2", "mhd",
    )  # fmt: skip
    sides = np.flip(lungs.sides.transpose(order), flipped)
    region = LungRegion(
        sides > 0, sides, turned_geometry(lungs.geometry, order, flipped), (False, False)
    )
    assert said(lobes_of(turned, region), "right") == said(lobes_of(volume, lungs), "right")


def turned_geometry(
    geometry: Geometry, order: tuple[int, ...], flipped: tuple[int, ...]
) -> Geometry:
    shape = [geometry.shape_irc[a] for a in order]
    affine = geometry.affine_lps[:, [*order, 3]].copy()
    for axis in flipped:
        affine[:3, 3] += affine[:3, axis] * (shape[axis] - 1)
        affine[:3, axis] *= -1
    return Geometry((shape[0], shape[1], shape[2]), affine)


CUTS = {"the base is cut": ((40.0, 0.0), "upper"), "the apex is cut": ((0.0, 40.0), "lower")}


@pytest.mark.parametrize("cut", CUTS)
def test_where_the_scan_cuts_a_lung_fissures_still_tell(cut: str) -> None:
    volume, lungs = make_chest(cut_mm=CUTS[cut][0])
    lobes = lobes_of(volume, lungs)
    for side in SIDES:
        at = points(side)
        at = at[lungs.at(at)]
        told = [lobes.possible(side, point) for point in at.tolist()]
        assert all(lobe in one for lobe, one in zip(true_lobes(at), told, strict=True))
        assert np.mean([len(one) == 1 for one in told]) > 0.7


@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_lung_without_fissures_says_nothing_that_depends_on_the_cut(cut: str) -> None:
    cut_mm, kept = CUTS[cut]
    _, lungs = make_chest(cut_mm=cut_mm)
    lobes = lobes_of(even(lungs), lungs)
    told = {one[0] for side in SIDES for one in said(lobes, side) if len(one) == 1}
    assert told == {kept}


def test_of_a_lung_that_is_cut_at_both_ends_nothing_is_told() -> None:
    lobes = lobes_of(*make_chest(cut_mm=(40.0, 40.0)))
    for side in SIDES:
        assert lobes.fissures(side).oblique is None
        assert set(said(lobes, side)) == {LOBES[side]}


def test_one_lung_alone_has_no_lobes() -> None:
    lobes = lobes_of(*make_chest(sides=(LEFT,)))
    assert set(said(lobes, "left")) == {LOBES["left"]}


def test_the_same_scan_gives_the_same_lobes() -> None:
    assert said(lobes_of(*make_chest()), "right") == said(lobes_of(*make_chest()), "right")
