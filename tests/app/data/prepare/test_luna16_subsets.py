"""Series of subsets that are not there are one note; others that are missing are problems."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from nodulus.app.data.prepare.luna16_scans import find_luna16
from nodulus.app.data.prepare.problems import ProblemKind

KINDS = (ProblemKind.SUBSETS_MISSING, ProblemKind.SERIES_NOT_ON_DISK)


def write_luna(root: Path, subsets: Path, *, scans_in: range) -> None:
    """Twenty series in the tables, and scans of the first ones, one a subset."""
    names = [f"1.2.3.{k}" for k in range(20)]
    rows = [f"{name},1,1,1,6.0" for name in names]
    root.mkdir(exist_ok=True)
    (root / "annotations.csv").write_text(
        "\n".join(["seriesuid,coordX,coordY,coordZ,diameter_mm", *rows]) + "\n"
    )
    for subset in range(10):
        folder = subsets / f"subset{subset}"
        folder.mkdir(parents=True)
        if subset in scans_in:
            image = SimpleITK.GetImageFromArray(np.zeros((4, 4, 4), np.int16))
            SimpleITK.WriteImage(image, str(folder / f"{names[subset]}.mhd"))


@pytest.mark.parametrize("below", ["", "LUNA16"])
def test_a_subset_of_which_nothing_is_there_yet_is_missing(tmp_path: Path, below: str) -> None:
    root = tmp_path / "luna"
    write_luna(root, root / below, scans_in=range(2))
    (note,) = (p for p in find_luna16(root).problems if p.kind in KINDS)
    assert note.kind is ProblemKind.SUBSETS_MISSING
    assert note.message.startswith(
        "18 of 20 listed series, with 18 nodules, are not on disk; 8 of 10 subsets are missing"
    )


@pytest.mark.parametrize("below", ["", "LUNA16"])
def test_what_is_missing_from_subsets_that_are_there_is_named(tmp_path: Path, below: str) -> None:
    root = tmp_path / "luna"
    write_luna(root, root / below, scans_in=range(10))
    missing = [p for p in find_luna16(root).problems if p.kind in KINDS]
    assert [p.kind for p in missing] == [ProblemKind.SERIES_NOT_ON_DISK] * 10
    assert {p.series_uid for p in missing} == {f"1.2.3.{k}" for k in range(10, 20)}
