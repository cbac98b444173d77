"""A window of Hounsfield units to the networks' range."""

from __future__ import annotations

import pytest
import torch

from nodulus.transforms.windowing import window


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ((0.0, 1.0), [0.0, 0.0, 0.5, 1.0]),
        ((-1.0, 1.0), [-1.0, -1.0, 0.0, 1.0]),
        ((-1000.0, 400.0), [-1000.0, -1000.0, -300.0, 400.0]),
    ],
)
def test_ends_and_middle(output: tuple[float, float], expected: list[float]) -> None:
    hu = torch.tensor([-3000.0, -1000.0, -300.0, 2000.0])
    assert window(hu, (-1000.0, 400.0), output).tolist() == pytest.approx(expected)
    assert hu[0] == -3000.0
