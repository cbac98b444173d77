"""Heights that were rounded, from headers alone: what comes back, and when nothing does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodulus.app.reading.rounded_positions import apart_by_location, unrounded
from nodulus.app.reading.slice_header import SliceHeader


def headers(count: int, **own: Any) -> list[SliceHeader]:
    """Numbered images; of what is not given nothing is in the file."""
    values: dict[str, Any] = {field.name: None for field in fields(SliceHeader)}
    values.update(path=Path("image.dcm"), stack=(), image_type=(), descriptions=(), **own)
    return [SliceHeader(**{**values, "instance_number": k + 1}) for k in range(count)]


def located(count: int, step_mm: float, first_mm: float = 1000.0, **own: Any) -> list[SliceHeader]:
    return [
        replace(header, slice_location_mm=first_mm + step_mm * k)
        for k, header in enumerate(headers(count, **own))
    ]


def cut(step_mm: float, count: int, quantum_mm: float = 1.0) -> np.ndarray:
    """Heights from -300 mm on, each cut down to a multiple of the quantum."""
    return -300.0 + np.floor(np.arange(count) * step_mm / quantum_mm + 1e-9) * quantum_mm


EVENED = -300.0 - 0.375 + 1.25 * np.arange(40)
"""Cut down by 0 to 0.75 mm, slices lie 0.375 mm too low at the mean of both."""


@pytest.mark.parametrize(
    "told",
    [
        headers(40, thickness_mm=1.25),
        located(40, 1.25, thickness_mm=5.0),
        located(40, 1.3, thickness_mm=1.25),
        located(40, -1.25),
        [replace(h, instance_number=40 - k) for k, h in enumerate(headers(40, thickness_mm=1.25))],
        [replace(h, instance_number=None) for h in headers(40, thickness_mm=1.25)],
        [
            replace(h, frame=k, instance_number=1)
            for k, h in enumerate(headers(40, thickness_mm=1.25))
        ],
    ],
    ids=(
        "thickness",
        "location",
        "another location",
        "falling location",
        "falling numbers",
        "no numbers",
        "frames",
    ),
)
def test_evened_by_what_was_not_rounded(told: list[SliceHeader]) -> None:
    found = unrounded(cut(1.25, 40), told)
    assert found is not None
    heights, warning = found
    np.testing.assert_allclose(heights, EVENED, atol=1e-9)
    assert heights.dtype == np.float64
    assert warning.code == "positions-rounded"
    assert warning.message == (
        "The slices' positions were rounded to 1.0 mm; by the rest of the header the slices are "
        "1.25 mm apart, and that was used."
    )


@pytest.mark.parametrize(
    ("step_mm", "quantum_mm", "said"),
    [(2.0, 1.5, None), (0.8, 0.5, "0.5 mm"), (0.63, 0.1, "0.1 mm"), (0.33, 0.02, None)],
)
def test_positions_are_rounded_to_millimetres_halves_or_tenths(
    step_mm: float, quantum_mm: float, said: str | None
) -> None:
    heights = cut(step_mm, 40, quantum_mm)
    found = unrounded(heights, headers(40, thickness_mm=step_mm))
    assert (found is None) is (said is None)
    if found is not None:
        assert f"rounded to {said};" in found[1].message
        middle = (heights - step_mm * np.arange(40)).max() / 2 + (
            heights - step_mm * np.arange(40)
        ).min() / 2
        np.testing.assert_allclose(found[0], middle + step_mm * np.arange(40), atol=1e-9)


def numbered(numbers: Sequence[int], **own: Any) -> list[SliceHeader]:
    return [
        replace(header, instance_number=n)
        for header, n in zip(headers(len(numbers), **own), numbers, strict=True)
    ]


@pytest.mark.parametrize(
    ("heights", "told"),
    [
        (np.arange(40) * 1.25, headers(40, thickness_mm=1.25)),
        (cut(1.25, 40), headers(40, thickness_mm=5.0)),
        (cut(1.25, 40), headers(40, thickness_mm=1.0)),
        (cut(1.25, 40), headers(40)),
        (cut(1.25, 40), numbered([1, 2, *range(4, 42)], thickness_mm=1.25)),
        (cut(1.25, 40), numbered([*range(1, 20), *range(19, 40)], thickness_mm=1.25)),
        (cut(1.25, 40), headers(39, thickness_mm=1.25) + headers(1, thickness_mm=2.5)),
        (np.delete(cut(1.25, 44), [8, 9, 10, 22]), headers(40, thickness_mm=1.3)),
        (np.array([0.0, 1.0, 2.0, 4.0]), headers(4, thickness_mm=4 / 3)),
        # Half of the series is 1 mm apart, the other half 2 mm: no grid is within rounding.
        (np.cumsum([1.0] * 20 + [2.0] * 20), headers(40, thickness_mm=1.5)),
    ],
    ids=(
        "even", "too thick", "too thin", "nothing stated", "a number left out", "a number twice",
        "two thicknesses", "slices missing", "four slices", "two spacings",
    ),
)  # fmt: skip
def test_nothing_tells_of_rounding(heights: np.ndarray, told: list[SliceHeader]) -> None:
    assert unrounded(heights, told) is None


def test_five_slices_are_enough() -> None:
    found = unrounded(np.array([0.0, 1.0, 2.0, 3.0, 5.0]), headers(5, thickness_mm=1.25))
    assert found is not None
    np.testing.assert_allclose(found[0], -0.375 + 1.25 * np.arange(5))


@pytest.mark.parametrize("sign", [1, -1])
def test_images_at_one_place_are_apart_by_location(sign: int) -> None:
    expected = -300.0 - 0.375 + 0.75 * np.arange(40)
    order = np.random.default_rng(0).permutation(40)
    told = located(40, sign * 0.75)
    found = apart_by_location(cut(0.75, 40)[order], [told[k] for k in order])
    assert found is not None
    np.testing.assert_allclose(found[0], expected[order], atol=1e-9)
    assert found[1].code == "positions-rounded"
    assert "rounded to 1.0 mm;" in found[1].message
    assert "the slices are 0.75 mm apart" in found[1].message


SHARED = cut(0.75, 40)


@pytest.mark.parametrize(
    ("heights", "told"),
    [
        (np.arange(40) * 0.75, located(40, 0.75)),
        (SHARED, headers(40)),
        (SHARED, [*located(39, 0.75), *headers(1)]),
        (SHARED, [*located(39, 0.75), *located(1, 0.75, first_mm=1000.0 + 39.2 * 0.75)]),
        (SHARED, located(40, 0.0)),
        (SHARED, located(40, 0.8)),
        (SHARED + 0.033 * np.arange(40), located(40, 0.783)),
        (SHARED, [replace(h, instance_number=2 * k) for k, h in enumerate(located(40, 0.75))]),
        (SHARED[:4], located(4, 0.75)),
    ],
    ids=(
        "no two at one place", "no location", "one without", "uneven locations", "one location",
        "another spacing", "no multiples", "numbers left out", "four images",
    ),
)  # fmt: skip
def test_locations_that_do_not_tell(heights: np.ndarray, told: list[SliceHeader]) -> None:
    assert apart_by_location(heights, told) is None


def test_five_images_are_enough() -> None:
    found = apart_by_location(SHARED[:5], located(5, 0.75))
    assert found is not None
    np.testing.assert_allclose(found[0], -300.375 + 0.75 * np.arange(5), atol=1e-9)
