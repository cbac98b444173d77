"""Candidates in LUNA16's form of submission."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.results.luna16_marks import Mark, marks_of, write_marks

from .synthetic import result_for, two_labels, write_series


def test_luna16_form(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    count = write_marks(path, [Mark("1.2.3", (-1.5, 2.25, -300.0), 0.123456789)])
    assert count == 1
    assert path.read_text() == (
        "seriesuid,coordX,coordY,coordZ,probability\n1.2.3,-1.5000,2.2500,-300.0000,0.123457\n"
    )


def test_every_candidate_has_a_mark(tmp_path: Path) -> None:
    volume = write_series(tmp_path / "ct")
    result = result_for(volume, two_labels())
    write_marks(tmp_path / "marks.csv", marks_of(result))
    with (tmp_path / "marks.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(result.candidates) == 3
    assert {row["seriesuid"] for row in rows} == {volume.series_uid}
    assert [float(row["probability"]) for row in rows] == [0.8, 0.8, 0.0]
    assert float(rows[2]["coordZ"]) == -180.0


def test_failure_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    write_marks(path, [])

    def broken() -> object:
        yield Mark("1", (0.0, 0.0, 0.0), 0.5)
        raise RuntimeError("halfway")

    with pytest.raises(RuntimeError):
        write_marks(path, broken())
    assert path.read_text().count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["marks.csv"]


def test_not_writable_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(NodulusError) as caught:
        write_marks(tmp_path / "file" / "marks.csv", [])
    assert caught.value.code is ErrorCode.OUTPUT_NOT_WRITABLE
    assert caught.value.subject == str(tmp_path / "file" / "marks.csv")
