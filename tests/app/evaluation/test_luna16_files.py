"""LUNA16's files of marks and series."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodulus.app.data.prepare.rows import NODULE_COLUMNS, STUDY_COLUMNS
from nodulus.app.errors import NodulusError
from nodulus.app.evaluation.luna16_files import read_places, read_series
from nodulus.bundles.common.data.tables import CENTER


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "seriesuid,coordX,coordY,coordZ,probability\n1.2,1,2,3,0.5\n9.9,0,0,0,0.1\n",
        "seriesuid,coordX,coordY,coordZ,class,probability\n1.2,1,2,3,0,0.5\n9.9,0,0,0,1,0.1\n",
        "probability,note,coordZ,coordY,coordX,seriesuid\n0.5,a,3,2,1,1.2\n0.1,,0,0,0,9.9\n",
        "1.2,1,2,3,0.5\n9.9,0,0,0,0.1\n",
        (
            "series_uid,patient_id,center_x_lps_mm,center_y_lps_mm,center_z_lps_mm,probability\n"
            "1.2,P,1,2,3,0.5\n9.9,P,0,0,0,0.1\n"
        ),
        "series_uid,seriesuid,coordX,coordY,coordZ,probability\n9.9,1.2,1,2,3,0.5\n1,9.9,0,0,0,1\n",
        "seriesuid\tcoordX\tcoordY\tcoordZ\tprobability\n1.2\t1\t2\t3\t0.5\n9.9\t0\t0\t0\t0.1\n",
    ],
)
def test_marks_in_every_form(tmp_path: Path, text: str) -> None:
    own = read_places(write(tmp_path / "marks.csv", text), ["7", "1.2"], "probability")
    assert own.places.scan.tolist() == [1]
    assert own.places.center_mm.tolist() == [[1, 2, 3]]
    assert own.places.value.tolist() == [0.5]
    assert own.elsewhere == 1


def test_the_tables_of_a_training_cache_are_read(tmp_path: Path) -> None:
    study = dict.fromkeys(STUDY_COLUMNS, "7") | {"series_uid": "1.2"}
    nodule = dict.fromkeys(NODULE_COLUMNS, "") | {"series_uid": "1.2", "diameter_mm": "8.5"}
    nodule |= dict(zip(CENTER, "123", strict=True))
    for name, row in (("studies.csv", study), ("nodules.csv", nodule)):
        write(tmp_path / name, f"{','.join(row)}\n{','.join(row.values())}\n")
    assert read_series(tmp_path / "studies.csv") == ("1.2",)
    own = read_places(tmp_path / "nodules.csv", ["1.2"], "diameter_mm")
    assert own.places.center_mm.tolist() == [[1, 2, 3]]
    assert own.places.value.tolist() == [8.5]


@pytest.mark.parametrize("text", ["1.2\n1.3\n", "seriesuid\n1.2\n1.3\n", "seriesuid\r\n1.2\r\n1.3"])
def test_series_with_and_without_a_header(tmp_path: Path, text: str) -> None:
    assert read_series(write(tmp_path / "seriesuids.csv", text)) == ("1.2", "1.3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.2,1,2,3,0.5\n1.2,1,2,three,0.5\n", "row 2: 'three' is not a number"),
        ("1.2,1,2,3,0.5\n1.2,1,2,3,nan\n", "row 2: 'nan' is not a number"),
        ("1.2,1,2,3,0.5\n1.2,1,2,3\n", "row 2: 4 cells where there should be 5"),
        ("seriesuid,coordX,coordY,coordZ\n1.2,1,2,3\n", "probability are missing"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "marks.csv", text)
    with pytest.raises(NodulusError, match=message) as caught:
        read_places(path, ["1.2"], "probability")
    assert caught.value.subject == str(path)
    assert caught.value.code.value == "input-not-readable"


def test_a_series_may_stand_once(tmp_path: Path) -> None:
    with pytest.raises(NodulusError, match="row 3: the series of row 1"):
        read_series(write(tmp_path / "s.csv", "1.2\n1.3\n1.2\n"))
    with pytest.raises(NodulusError, match="input-empty"):
        read_series(write(tmp_path / "s.csv", "seriesuid\n"))
    with pytest.raises(NodulusError, match="input-not-found"):
        read_series(tmp_path / "nothing.csv")
