"""How sharp a reconstruction kernel is, by its name."""

from __future__ import annotations

import pytest

from nodulus.app.reading.kernels import Sharpness, sharpness


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("STANDARD", Sharpness.MEDIUM), ("LUNG", Sharpness.SHARP), ("BONEPLUS", Sharpness.SHARP),
        ("SOFT", Sharpness.SOFT), ("B20f", Sharpness.SOFT), ("B30f", Sharpness.MEDIUM),
        ("B49f", Sharpness.MEDIUM), ("B50f", Sharpness.SHARP), ("Br40d", Sharpness.MEDIUM),
        ("Bl57d", Sharpness.SHARP), ("I70f", Sharpness.SHARP), ("FC01", Sharpness.MEDIUM),
        ("FC29", Sharpness.MEDIUM), ("FC30", Sharpness.SHARP), ("B29f", Sharpness.SOFT),
        ("BODY FILTER", Sharpness.MEDIUM), ("LUNG ENHANCED", Sharpness.SHARP),
        ("YC", Sharpness.SHARP), ("B", Sharpness.MEDIUM),
        ("VERY SHARP", Sharpness.SHARP), ("BONE DETAIL", Sharpness.SHARP),
        ("STANDARD+", Sharpness.MEDIUM), ("SOFT TISSUE", Sharpness.SOFT),
        (" lung ", Sharpness.SHARP), ("fc30", Sharpness.SHARP), ("b20f", Sharpness.SOFT),
        ("", Sharpness.UNKNOWN), (None, Sharpness.UNKNOWN), ("xyz", Sharpness.UNKNOWN),
    ],
)  # fmt: skip
def test_sharpness(kernel: str | None, expected: Sharpness) -> None:
    assert sharpness(kernel) is expected
