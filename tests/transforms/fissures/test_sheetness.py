"""Sheets across the third axis stand out, vessels and nodules do not."""

from __future__ import annotations

import numpy as np
import pytest

from nodulus.transforms.fissures.sheetness import sheetness, smoothed

SPACING_MM = (2.5, 2.5, 1.25)
U, V, W = np.meshgrid(
    *[n * (np.arange(size) - size // 2) for size, n in zip((21, 21, 41), SPACING_MM, strict=True)],
    indexing="ij",
)


def at_the_middle(squared_mm: np.ndarray) -> float:
    """Sheetness in the middle of something bright, by the squared distance from its middle."""
    hu = (150.0 * np.exp(-squared_mm / 2.0)).astype(np.float32)
    found = sheetness(smoothed(hu, SPACING_MM, (1.8, 0.8)), SPACING_MM, 2.5)
    return float(found[10, 10, 20])


def test_a_sheet_stands_out_up_to_some_thirty_degrees() -> None:
    flat = at_the_middle(W**2)
    tilted = at_the_middle((W * np.cos(0.4) + V * np.sin(0.4)) ** 2)
    assert flat > 50.0
    assert 0.25 * flat < tilted < flat


@pytest.mark.parametrize(
    "squared_mm",
    [U**2 + V**2, U**2 + W**2, V**2 + W**2, U**2 + V**2 + W**2],
    ids=["vessel across", "vessel along v", "vessel along u", "nodule"],
)
def test_vessels_and_nodules_do_not(squared_mm: np.ndarray) -> None:
    assert at_the_middle(squared_mm) < 0.2 * at_the_middle(W**2)


def test_an_even_gradient_is_no_sheet() -> None:
    ramp = (3.0 * W + 2.0 * V - U).astype(np.float32)
    found = sheetness(ramp, SPACING_MM, 2.5)
    np.testing.assert_allclose(found[2:-2, 2:-2, 3:-3], 0.0, atol=1e-3)
