"""Acquisitions in one series are told apart by their headers, and only where images overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodulus.app.reading.acquisitions import difference_between, heights_mm, split_acquisitions
from nodulus.app.reading.slice_header import SliceHeader

from .dicom_factory import AXIAL, CORONAL


def header(number: int, z_mm: float, **own: Any) -> SliceHeader:
    """An axial image; what is not given is not in the file."""
    values: dict[str, Any] = {field.name: None for field in fields(SliceHeader)}
    values.update(
        path=Path(f"{number}.dcm"),
        sop_instance_uid=f"1.2.{number}",
        instance_number=number,
        position_lps_mm=(0.0, 0.0, z_mm),
        orientation=AXIAL,
        stack=(),
        image_type=(),
        descriptions=(),
    )
    return SliceHeader(**{**values, **own})


def scan(first: int, heights_mm: Sequence[float], **own: Any) -> list[SliceHeader]:
    return [header(first + n, z, **own) for n, z in enumerate(heights_mm)]


def numbers(parts: list[list[SliceHeader]]) -> list[list[int]]:
    return [sorted(int(h.instance_number or 0) for h in part) for part in parts]


HEIGHTS = [2.5 * n for n in range(12)]


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("AcquisitionNumber", {"acquisition_number": 1}, {"acquisition_number": 2}),
        ("KVP", {"kvp": 100.0}, {"kvp": 120.0}),
        ("ConvolutionKernel", {"kernel": "B30f"}, {"kernel": "B70f"}),
        ("SliceThickness", {"thickness_mm": 1.25}, {"thickness_mm": 2.5}),
        ("ImageType", {"image_type": ("ORIGINAL",)}, {"image_type": ("DERIVED",)}),
        ("FrameOfReferenceUID", {"frame_of_reference_uid": "1"}, {"frame_of_reference_uid": "2"}),
        ("StackID or temporal position", {"stack": ("1",)}, {"stack": ("2",)}),
        ("IrradiationEventUID", {"irradiation_event_uid": "1"}, {"irradiation_event_uid": "2"}),
        ("cardiac phase", {"cardiac_phase": "30"}, {"cardiac_phase": "70"}),
        ("SeriesDescription or derivation", {"descriptions": ("IN",)}, {"descriptions": ("EX",)}),
    ],
)
def test_two_passes_over_the_same_heights_are_two(
    name: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    first, second = scan(1, HEIGHTS, **one), scan(101, HEIGHTS, **other)
    mixed = [h for pair in zip(second, first, strict=True) for h in pair]
    found = split_acquisitions(mixed)
    assert sorted(numbers(found)) == [list(range(1, 13)), list(range(101, 113))]
    assert difference_between(first, second) == name
    assert difference_between(first, first) is None


def test_slices_that_fit_between_those_of_another_pass_are_not_woven_in() -> None:
    first = scan(1, HEIGHTS, acquisition_number=1)
    between = scan(101, [z + 1.25 for z in HEIGHTS[:-1]], acquisition_number=2)
    assert numbers(split_acquisitions([*between, *first])) == [
        list(range(1, 13)),
        list(range(101, 112)),
    ]


@pytest.mark.parametrize(
    "own", [{"frame_of_reference_uid": "1"}, {"kernel": "B30f"}, {"kvp": 90.0}]
)
def test_an_attribute_that_some_images_lack_tells_no_acquisitions_apart(
    own: dict[str, Any],
) -> None:
    images = [header(n, 2.5 * n, **(own if n % 2 else {})) for n in range(24)]
    assert numbers(split_acquisitions(images)) == [list(range(24))]
    # At one place there are two all the same.
    doubled = [*scan(1, HEIGHTS, **own), *scan(101, HEIGHTS)]
    assert len(split_acquisitions(doubled)) == 2


def test_a_scan_that_goes_on_under_another_number_is_one() -> None:
    lower = scan(1, HEIGHTS, acquisition_number=1)
    upper = scan(13, [30.0 + z for z in HEIGHTS], acquisition_number=2)
    assert numbers(split_acquisitions([*lower, *upper])) == [list(range(1, 25))]


def test_a_number_for_every_slice_splits_only_where_it_starts_again() -> None:
    times = [f"2020010112{n:04d}" for n in range(24)]
    once = [header(n, 2.5 * n, acquisition_time=times[n]) for n in range(24)]
    assert len(split_acquisitions(once)) == 1
    twice = [header(n, HEIGHTS[n % 12], acquisition_time=times[n]) for n in range(24)]
    assert numbers(split_acquisitions(twice)) == [list(range(12)), list(range(12, 24))]


def test_without_positions_nothing_is_split() -> None:
    images = scan(1, HEIGHTS, kvp=100.0)
    images += [header(50 + n, 0.0, kvp=120.0, position_lps_mm=None) for n in range(12)]
    assert len(split_acquisitions(images)) == 1


def test_heights_are_along_the_normal_of_the_images() -> None:
    coronal = [
        header(n, 0.0, orientation=CORONAL, position_lps_mm=(5.0, y, 7.0))
        for n, y in enumerate((0.0, 3.0))
    ]
    assert np.ptp(heights_mm(coronal)) == pytest.approx(3.0)
    np.testing.assert_allclose(heights_mm(scan(1, HEIGHTS)), HEIGHTS)
