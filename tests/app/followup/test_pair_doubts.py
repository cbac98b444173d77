"""What speaks against comparing two scans' volumes is told, with its numbers."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.followup.pair_doubts import (
    measurement_doubts,
    overlap_warning,
    without_doubling_time,
)
from nodulus.app.followup.repeatability import load_repeatability
from nodulus.app.volume import CtVolume, SeriesFacts
from nodulus.transforms.geometry import Geometry

LIMITS = load_repeatability()


def volume(slices_mm: float, kernel: str | None = "B30f") -> CtVolume:
    """Pixels that are larger than any slice here: they decide nothing."""
    geometry = Geometry((2, 3, 4), np.diag([slices_mm, 5.0, 6.0, 1.0]))
    facts = SeriesFacts(convolution_kernel=kernel)
    return CtVolume(np.zeros((2, 3, 4), np.int16), geometry, "1.2", None, "mhd", facts=facts)


@pytest.mark.parametrize(("dice", "count"), [(0.799, 1), (0.8, 0), (0.93, 0)])
def test_lungs_that_hardly_overlap_are_warned_of(dice: float, count: int) -> None:
    warnings = overlap_warning(dice, 0.8)
    assert len(warnings) == count
    for one in warnings:
        assert one.code == "poorly-registered"
        assert f"overlap by {dice:.2f}" in one.message


@pytest.mark.parametrize(
    ("prior", "current", "codes", "words"),
    [
        ((2.0, "B30f"), (2.0, "B30f"), [], ()),
        ((2.0, "B30f"), (1.75, "B30f"), [], ()),
        ((2.5, "B30f"), (2.5, "B30f"), ["thick-slices"], ("Slices of 2.5 mm", "(limit 2 mm)",
         "changed by 2 mm and the volume by 25%")),
        ((1.0, "B30f"), (2.5, "B30f"), ["thick-slices", "acquisitions-differ"],
         ("Slices of 2.5 mm", "slices of 1 and 2.5 mm")),
        ((1.5, "B30f"), (1.0, "B30f"), ["acquisitions-differ"], ("slices of 1.5 and 1 mm",)),
        ((1.0, "B30f"), (1.0, "B70f"), ["acquisitions-differ"], ("kernels B30f and B70f",)),
        ((1.0, None), (1.0, "B70f"), ["acquisitions-differ"], ("kernels unknown and B70f",)),
    ],
)  # fmt: skip
def test_doubts_name_what_they_rest_on(prior, current, codes, words) -> None:
    doubts = measurement_doubts(volume(*prior), volume(*current), LIMITS, 0.3)
    assert [one.code for one in doubts] == codes
    text = " ".join(one.message for one in doubts)
    assert all(word in text for word in words)


def test_every_reason_against_a_doubling_time_is_said() -> None:
    doubts = measurement_doubts(volume(3.0), volume(3.0), LIMITS, 0.3)
    unknown, one_day, limits = (
        f"No doubling times: {why}."
        for why in (
            "the days between are unknown",
            "both scans are of one day",
            "the limits of agreement do not hold for these scans",
        )
    )
    for days, given, expected in (
        (30.0, (), []),
        (None, (), [unknown]),
        (0.0, (), [one_day]),
        (30.0, doubts, [limits]),
        (None, doubts, [unknown, limits]),
    ):
        told = without_doubling_time(days, given)
        assert [one.message for one in told] == expected
        assert {one.code for one in told} <= {"no-doubling-time"}
