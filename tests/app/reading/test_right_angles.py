"""Rows and columns of an image stand at right angles and are of unit length, or it is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import find_studies

from .dicom_factory import body_hu, write_series


def read(folder: Path, row: tuple[float, ...], column: tuple[float, ...]) -> np.ndarray:
    write_series(folder, body_hu(), orientation=(*row, *column), step_mm=(0.0, 0.0, 3.0))
    (study,) = find_studies(folder).studies
    return study.load().geometry.direction_irc


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ((1.0, 0.0, 0.0), (0.03, 0.99955, 0.0)),
        ((0.99955, 0.03, 0.0), (0.0, 1.0, 0.0)),
        ((1.0, 0.0, 0.0), (-0.5, 0.866025, 0.0)),
        ((1.03, 0.0, 0.0), (0.0, 1.0, 0.0)),
        ((1.0, 0.0, 0.0), (0.0, 0.96, 0.0)),
        ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0)),
    ],
)
def test_others_are_refused(
    row: tuple[float, ...], column: tuple[float, ...], tmp_path: Path
) -> None:
    with pytest.raises(NodulusError) as error:
        read(tmp_path, row, column)
    assert error.value.code is ErrorCode.INVALID_ATTRIBUTE
    assert "ImageOrientationPatient" in str(error.value)


@pytest.mark.parametrize(
    ("row", "column"),
    [((1.0, 0.0, 0.0), (0.004, 0.99999, 0.0)), ((1.006, 0.0, 0.0), (0.0, 1.0, 0.0))],
)
def test_what_was_rounded_is_made_exact(
    row: tuple[float, ...], column: tuple[float, ...], tmp_path: Path
) -> None:
    axes = read(tmp_path, row, column)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
