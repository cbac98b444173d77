"""Which nodules get a cavity, and how thick its wall is."""

import numpy as np
import pytest

from nodulus.transforms.insertion.nodule_cavity import draw_wall_mm


def test_as_many_have_a_cavity_as_the_share_says() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_wall_mm(8.0, 0.3, (1.5, 5.0), rng) for _ in range(4000)]
    walls = [wall for wall in drawn if wall is not None]
    assert len(walls) / len(drawn) == pytest.approx(0.3, abs=0.03)
    assert min(walls) >= 1.5
    assert max(walls) <= 5.0


@pytest.mark.parametrize("radius_mm", [4.0, 6.0])
def test_a_wall_leaves_room_for_the_cavity(radius_mm: float) -> None:
    rng = np.random.default_rng(1)
    walls = [draw_wall_mm(radius_mm, 1.0, (1.5, 6.0), rng) for _ in range(500)]
    assert all(wall is not None and 1.5 <= wall <= 0.65 * radius_mm for wall in walls)


def test_small_nodules_have_none_and_draw_nothing() -> None:
    rng = np.random.default_rng(2)
    state = rng.bit_generator.state
    assert draw_wall_mm(3.0, 1.0, (1.5, 6.0), rng) is None
    assert draw_wall_mm(9.0, 0.0, (1.5, 6.0), rng) is None
    assert rng.bit_generator.state == state
