"""The even grid of slices, from heights whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading.slice_grid import even_grid, merge_positions

UID = "1.2.3"


def without(total: int, *missing: int, spacing_mm: float = 3.0) -> np.ndarray:
    """Heights from -50 mm on of a series that some slices are missing of."""
    return np.array([-50.0 + spacing_mm * k for k in range(total) if k not in missing])


def test_even_heights_are_their_own_grid() -> None:
    grid = even_grid(without(12), UID)
    assert (grid.start_mm, grid.spacing_mm, grid.warnings) == (-50.0, 3.0, ())
    np.testing.assert_array_equal(grid.source_of_output, np.arange(12))


@pytest.mark.parametrize(
    ("spacing_mm", "off_mm", "even"),
    [(3.0, 0.0305, True), (3.0, 0.031, False), (0.5, 0.0101, True), (0.5, 0.0104, False)],
)
def test_jitter_is_a_hundredth_of_a_millimetre_or_of_the_spacing(
    spacing_mm: float, off_mm: float, even: bool
) -> None:
    heights = without(41, spacing_mm=spacing_mm)
    heights[20] += off_mm  # the fitted line takes a 41st of it
    grid = even_grid(heights, UID)
    assert (grid.warnings == ()) is even
    assert grid.spacing_mm == pytest.approx(spacing_mm, abs=1e-6)


def test_missing_slices_lie_between_their_neighbours() -> None:
    grid = even_grid(without(20, 4, 5), UID)
    assert (grid.start_mm, grid.spacing_mm) == (-50.0, 3.0)
    source = [0, 1, 2, 3, 3 + 1 / 3, 3 + 2 / 3, *range(4, 18)]
    np.testing.assert_allclose(grid.source_of_output, source, atol=1e-12)
    (warning,) = grid.warnings
    assert warning.code == "missing-slices-interpolated"
    assert warning.message == (
        "2 of 20 slices are missing and were interpolated linearly between their neighbours "
        "(widest gap 9.0 mm)."
    )


@pytest.mark.parametrize(
    ("heights", "refused"),
    [
        (without(20, 4, 9), None),
        (without(19, 4, 9), "2 of 19 slices are missing; the widest gap is 6.0 mm."),
        (without(6, 2), None),  # one may always be missing
        (without(40, 7, spacing_mm=5.0), None),
        (without(40, 7, spacing_mm=5.005), None),
        (
            without(40, 7, spacing_mm=5.05),
            "1 of 40 slices are missing; the widest gap is 10.1 mm.",
        ),
    ],
)
def test_few_slices_and_narrow_gaps_are_filled(heights: np.ndarray, refused: str | None) -> None:
    if refused is None:
        assert [w.code for w in even_grid(heights, UID).warnings] == ["missing-slices-interpolated"]
        return
    with pytest.raises(NodulusError) as caught:
        even_grid(heights, UID)
    assert caught.value.code is ErrorCode.MISSING_SLICES
    assert caught.value.message == refused
    assert caught.value.subject == UID
    assert caught.value.remedy == "Send the whole series again: a nodule may lie in the gap."


def test_uneven_slices_are_resampled_at_about_the_usual_distance() -> None:
    grid = even_grid(np.array([100.0, 102.0, 104.0, 106.8, 108.8, 110.8]), UID)
    assert grid.start_mm == 100.0
    assert grid.spacing_mm == pytest.approx(2.16)
    source = [0.0, 1.08, 2 + 0.32 / 2.8, 2 + 2.48 / 2.8, 3 + 1.84 / 2, 5.0]
    np.testing.assert_allclose(grid.source_of_output, source, atol=1e-9)
    (warning,) = grid.warnings
    assert warning.code == "uneven-slices-resampled"
    assert warning.message == (
        "The distance between slices goes from 2.0 mm to 2.8 mm; 6 slices were interpolated "
        "linearly, 2.16 mm apart."
    )


@pytest.mark.parametrize(
    ("widest_mm", "usual_mm", "refused"),
    [(5.0, 2.0, False), (5.1, 2.0, True), (9.9, 4.5, False), (10.1, 4.5, True)],
)
def test_gaps_too_wide_to_resample_across_are_refused(
    widest_mm: float, usual_mm: float, refused: bool
) -> None:
    steps = [usual_mm] * 8
    steps[3] = widest_mm
    heights = np.cumsum([0.0, *steps])
    if not refused:
        (warning,) = even_grid(heights, UID).warnings
        assert warning.code == "uneven-slices-resampled"
        return
    with pytest.raises(NodulusError) as caught:
        even_grid(heights, UID)
    assert caught.value.code is ErrorCode.UNEVEN_SLICES
    assert caught.value.message == (
        f"The distance between slices goes from {usual_mm} mm to {widest_mm} mm; the usual one is "
        f"{usual_mm} mm."
    )
    assert caught.value.remedy == ("Give a series with even slices, or send the missing slices.")
    assert caught.value.subject == UID


def test_positions_are_one_within_a_twentieth_of_the_distance() -> None:
    heights = np.array([0, 3, 3.149, 6, 6.151, 9, 9.1, 9.2, *range(12, 60, 3)], dtype=float)
    groups = merge_positions(heights)
    assert groups[:6] == [[0], [1, 2], [3], [4], [5, 6], [7]]
    assert groups[6:] == [[k] for k in range(8, len(heights))]


@pytest.mark.parametrize(
    ("heights", "groups"),
    [
        ([5.0], [[0]]),
        ([5.0, 5.0, 5.0], [[0, 1, 2]]),
        ([0.0, 0.009, 0.1, 0.2, 0.211], [[0, 1], [2], [3], [4]]),
        ([0.0, 0.009, 0.018], [[0, 1], [2]]),
    ],
)
def test_positions_are_one_within_a_hundredth_of_a_millimetre(
    heights: list[float], groups: list[list[int]]
) -> None:
    assert merge_positions(np.array(heights)) == groups
