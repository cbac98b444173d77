"""When a mark hits a nodule."""

from __future__ import annotations

import pytest

from nodulus.bundles.common.hit_rule import nearest_hits


def test_closer_than_the_radius_is_a_hit_and_on_it_is_none():
    assert nearest_hits([[0, 0, 4.99], [0, 0, 5.0]], [[0, 0, 0]], [10.0]).tolist() == [0, -1]


def test_of_two_nodules_the_nearer_one_is_hit():
    assert nearest_hits([[0, 0, 4.0]], [[0, 0, 0], [0, 0, 6]], [10.0, 10.0]).tolist() == [1]


def test_without_nodules_nothing_is_hit():
    assert nearest_hits([[0, 0, 0]], [], []).tolist() == [-1]
    assert nearest_hits([], [[0, 0, 0]], [4.0]).tolist() == []


def test_every_nodule_needs_a_diameter():
    with pytest.raises(ValueError, match="1 nodules with 2 diameters"):
        nearest_hits([[0, 0, 0]], [[0, 0, 0]], [1.0, 2.0])
