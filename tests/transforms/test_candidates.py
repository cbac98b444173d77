"""Candidates of a probability map: hysteresis, grouping, joining."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.candidates import group_candidates, merge_candidates

AFFINE = np.diag([-1.0, -1.0, 2.0, 1.0])
AFFINE[:3, 3] = (10, 20, 30)


def blob(volume: np.ndarray, center: tuple[int, int, int], radius: int, value: float) -> None:
    grid = np.indices(volume.shape).T - np.array(center)
    volume[(np.linalg.norm(grid, axis=-1) <= radius).T] = value


def test_centres_volumes_and_order() -> None:
    p = np.zeros((40, 40, 40), np.float32)
    blob(p, (10, 10, 10), 3, 0.6)
    blob(p, (30, 25, 20), 2, 0.9)
    first, second = group_candidates(p, AFFINE, threshold=0.5)
    assert first.peak_probability == pytest.approx(0.9)
    assert first.center_index == pytest.approx((30, 25, 20))
    assert first.center_mm == pytest.approx((10 - 30, 20 - 25, 30 + 40))
    assert second.volume_mm3 == pytest.approx((p == np.float32(0.6)).sum() * 2.0)


def test_hysteresis_keeps_the_whole_of_a_group_with_a_peak() -> None:
    p = np.zeros((30, 30, 30), np.float32)
    blob(p, (8, 8, 8), 4, 0.3)
    whole = int((p > 0).sum())
    p[8, 8, 8] = 0.8
    blob(p, (22, 22, 22), 4, 0.3)  # the same without a peak
    (only,) = group_candidates(p, np.eye(4), threshold=0.25, peak_threshold=0.7)
    assert only.mask.sum() == whole


def test_small_groups_and_groups_outside_the_region_are_dropped() -> None:
    p = np.zeros((30, 30, 30), np.float32)
    p[3, 3, 3] = 1
    blob(p, (10, 10, 10), 3, 1)
    blob(p, (22, 22, 22), 3, 1)
    region = np.zeros(p.shape, bool)
    region[:16, :16, :16] = True
    found = group_candidates(p, np.eye(4), threshold=0.5, min_volume_mm3=10, region=region)
    assert [c.center_index for c in found] == [pytest.approx((10, 10, 10))]


def test_neighbours_by_a_corner_are_one_group() -> None:
    p = np.zeros((5, 5, 5), np.float32)
    p[1, 1, 1] = p[2, 2, 2] = 1
    assert len(group_candidates(p, np.eye(4), threshold=0.5)) == 1


def test_pieces_of_one_nodule_are_joined_transitively_and_others_left() -> None:
    p = np.zeros((60, 20, 20), np.float32)
    for x in (6, 14, 22):
        blob(p, (x, 10, 10), 3, 0.7)
    blob(p, (50, 10, 10), 3, 0.9)
    groups = group_candidates(p, np.eye(4), threshold=0.5)
    assert len(groups) == 4
    joined = merge_candidates(groups, p, np.eye(4), gap_mm=2.5)
    assert [round(c.center_index[0]) for c in joined] == [50, 14]
    assert joined[1].mask.sum() == (p == np.float32(0.7)).sum()
    assert merge_candidates(groups, p, np.eye(4), gap_mm=0.5) == groups


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2, 2\)"):
        group_candidates(
            np.zeros((3, 3, 3)), np.eye(4), threshold=0.5, region=np.ones((2, 2, 2), bool)
        )
