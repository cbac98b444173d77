"""Nodules of two scans are matched, and where it is ambiguous that is said."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.followup.match import match_findings
from nodulus.app.result import Finding


def finding(number: int, center, volume: float = 200.0, texture="solid") -> Finding:
    return Finding(
        id=number,
        tracking_uid=f"2.25.{number}",
        center_lps_mm=center,
        center_index_irc=(0.0, 0.0, 0.0),
        nodule_probability=0.9,
        malignancy_probability=0.5,
        segmentation_probability=0.9,
        longest_diameter_mm=8.0,
        perpendicular_diameter_mm=7.0,
        longest_diameter_ends_lps_mm=(center, center),
        perpendicular_diameter_ends_lps_mm=(center, center),
        equivalent_diameter_mm=7.0,
        volume_mm3=volume,
        mean_hu=0.0,
        sd_hu=0.0,
        voxel_count=10,
        texture=texture,
        suspicious=False,
    )


def places(findings, shift=(0.0, 0.0, 0.0)):
    return np.asarray([np.add(one.center_lps_mm, shift) for one in findings]).reshape(-1, 3)


def pairs(matching):
    return {(pair.prior, pair.current) for pair in matching.pairs}


def test_a_hundred_nodules_with_jitter_are_all_matched():
    rng = np.random.default_rng(0)
    grid = [
        (x, y, z) for x in range(0, 250, 50) for y in range(0, 250, 50) for z in (0, 50, 100, 150)
    ]
    prior = tuple(
        finding(k + 1, tuple(map(float, p)), float(rng.uniform(50, 900)))
        for k, p in enumerate(grid)
    )
    order = rng.permutation(len(prior))
    current = tuple(prior[k] for k in order)
    where = places(current) + rng.normal(0, 3, (len(current), 3))
    matching = match_findings(prior, current, where)
    assert pairs(matching) == {(int(k), n) for n, k in enumerate(order)}
    assert not any(pair.ambiguous for pair in matching.pairs)


def test_new_and_lost_nodules_stay_alone():
    prior = (finding(1, (0.0, 0.0, 0.0)), finding(2, (100.0, 0.0, 0.0)))
    current = (finding(1, (2.0, 0.0, 0.0)), finding(2, (0.0, 90.0, 0.0)))
    matching = match_findings(prior, current, places(current))
    assert pairs(matching) == {(0, 0)}
    assert (matching.only_prior, matching.only_current) == ((1,), (1,))
    assert matching.pairs[0].distance_mm == pytest.approx(2.0)


def test_the_nearest_is_not_taken_where_that_leaves_another_without_one():
    prior = (finding(1, (0.0, 0.0, 0.0)), finding(2, (9.0, 0.0, 0.0)))
    current = (finding(1, (4.0, 0.0, 0.0)), finding(2, (-6.0, 0.0, 0.0)))
    assert pairs(match_findings(prior, current, places(current))) == {(0, 1), (1, 0)}


def test_size_decides_between_neighbours():
    prior = (finding(1, (0.0, 0.0, 0.0), 60.0), finding(2, (6.0, 0.0, 0.0), 2000.0))
    current = (finding(1, (3.0, 0.0, 0.0), 2200.0), finding(2, (3.5, 1.0, 0.0), 55.0))
    assert pairs(match_findings(prior, current, places(current))) == {(0, 1), (1, 0)}


def test_neighbours_alike_are_told_to_be_ambiguous():
    prior = (finding(1, (0.0, 0.0, 0.0)), finding(2, (6.0, 0.0, 0.0)))
    current = (finding(1, (3.0, 0.0, 0.0)),)
    matching = match_findings(prior, current, places(current))
    assert len(matching.pairs) == 1
    assert matching.pairs[0].ambiguous


def test_nothing_further_than_the_reach_is_matched():
    prior, current = (finding(1, (0.0, 0.0, 0.0)),), (finding(1, (20.1, 0.0, 0.0)),)
    matching = match_findings(prior, current, places(current))
    assert (matching.only_prior, matching.only_current) == ((0,), (0,))


@pytest.mark.parametrize(("before", "after"), [(0, 2), (2, 0), (0, 0)])
def test_a_scan_without_nodules(before, after):
    prior = tuple(finding(k + 1, (float(k), 0.0, 0.0)) for k in range(before))
    current = tuple(finding(k + 1, (float(k), 0.0, 0.0)) for k in range(after))
    matching = match_findings(prior, current, places(current))
    assert (len(matching.only_prior), len(matching.only_current)) == (before, after)


def scattered(count: int, seed: int, least_mm: float = 9.0):
    """Findings at random in two lungs' space, none nearer to another than ``least_mm``."""
    rng = np.random.default_rng(seed)
    points: list[np.ndarray] = []
    while len(points) < count:
        point = rng.uniform((-130, -90, -250), (130, 90, 0))
        if abs(point[0]) > 25 and all(np.linalg.norm(point - p) >= least_mm for p in points):
            points.append(point)
    volumes = np.exp(rng.normal(np.log(150.0), 0.8, count))
    return tuple(
        finding(k + 1, tuple(map(float, p)), float(v))
        for k, (p, v) in enumerate(zip(points, volumes, strict=True))
    )


def test_of_sixty_nodules_with_some_new_and_some_gone_none_is_matched_wrongly():
    rng = np.random.default_rng(5)
    prior = scattered(60, seed=4)
    kept = [int(k) for k in rng.permutation(60)[:54]]
    new = scattered(68, seed=4)[60:]  # eight more, as far from all others
    current = (*(prior[k] for k in kept), *new)
    grown = [
        one.model_copy(update={"volume_mm3": one.volume_mm3 * float(rng.uniform(0.7, 2.0))})
        for one in current
    ]
    where = places(current) + rng.normal(0, 1.2, (len(current), 3))
    matching = match_findings(prior, tuple(grown), where)
    right = {(k, n) for n, k in enumerate(kept)}
    sure = {(p.prior, p.current) for p in matching.pairs if not p.ambiguous}
    assert sure <= right
    assert len(pairs(matching) & right) >= 0.97 * len(right)
    assert len(matching.only_current) >= 6


def test_near_the_diaphragm_a_breath_that_the_registration_missed_is_no_new_nodule():
    prior = (
        finding(1, (60.0, 20.0, -240.0), 300.0),
        finding(2, (80.0, -30.0, -236.0), 120.0),
        finding(3, (50.0, 10.0, -60.0), 200.0),
    )
    # The base stands 13 mm lower than registration has it, the upper nodule 1 mm.
    shift = np.array([[0, 0, -13.0], [0, 0, -12.0], [0, 0, -1.0]])
    matching = match_findings(prior, prior, places(prior) + shift)
    assert pairs(matching) == {(0, 0), (1, 1), (2, 2)}
    assert not matching.only_prior
    assert not matching.only_current


def test_near_the_diaphragm_two_that_could_be_each_other_are_ambiguous():
    prior = (finding(1, (60.0, 20.0, -240.0)), finding(2, (60.0, 20.0, -228.0)))
    current = (finding(1, (60.0, 20.0, -235.0)),)
    where = np.array([[60.0, 20.0, -234.0]])  # half-way between both
    (pair,) = match_findings(prior, current, where).pairs
    assert pair.ambiguous


@pytest.mark.parametrize("texture", ["solid", "ground-glass"])
def test_of_two_that_are_equally_near_and_large_the_texture_tells(texture: str) -> None:
    prior = (finding(1, (0.0, 0.0, 0.0), texture=texture),)
    current = (
        finding(1, (3.0, 0.0, 0.0), texture="solid"),
        finding(2, (-3.0, 0.0, 0.0), texture="ground-glass"),
    )
    matching = match_findings(prior, current, places(current))
    assert pairs(matching) == {(0, 0 if texture == "solid" else 1)}
    assert matching.only_current == (1 if texture == "solid" else 0,)


def test_a_nodule_that_is_found_from_one_scan_alone_is_matched():
    prior = (finding(1, (0.0, 0.0, 0.0)), finding(2, (60.0, 0.0, 0.0)))
    current = (finding(1, (1.0, 0.0, 0.0)), finding(2, (60.0, 2.0, 0.0)))
    astray = places(current)
    astray[1] += (0.0, 0.0, 27.0)
    assert pairs(match_findings(prior, current, astray)) == {(0, 0)}
    both_ways = match_findings(prior, current, astray, None, places(prior))
    assert pairs(both_ways) == {(0, 0), (1, 1)}
    assert both_ways.pairs[1].distance_mm == pytest.approx(2.0)
    assert not any(pair.ambiguous for pair in both_ways.pairs)
    assert pairs(match_findings(prior, current, places(current), None, astray)) == {(0, 0), (1, 1)}
    not_looked_for = places(prior)
    not_looked_for[0] = np.nan
    assert pairs(match_findings(prior, current, astray, None, not_looked_for)) == {(0, 0), (1, 1)}
