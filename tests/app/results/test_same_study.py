"""A result is replaced by one of the same study and the same patient, and by no other."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from nodulus.app.results.options import OutputOptions
from nodulus.app.results.study_plan import StudyAnalysis
from nodulus.app.results.write_results import write_study
from nodulus.app.volume import CtVolume

from .synthetic import result_for, two_labels, write_series


def write(folder: Path, volume: CtVolume) -> Path:
    labels = two_labels()
    analysis = StudyAnalysis(labels, result_for(volume, labels))
    return write_study(folder, volume, analysis, OutputOptions(report=False)).folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def research(volume: CtVolume, **changes: object) -> CtVolume:
    plain = {"source_format": "mhd", "source_images": (), "study_uid": None, "series_uid": "scan"}
    return dataclasses.replace(volume, **{**plain, **changes})  # type: ignore[arg-type]


def test_another_study_of_the_same_key_goes_beside(tmp_path: Path) -> None:
    first, second = (write_series(tmp_path / name) for name in ("a", "b"))
    assert write(tmp_path / "key", first) == tmp_path / "key"
    before = contents(tmp_path / "key")
    assert write(tmp_path / "key", second) == tmp_path / "key~2"
    assert contents(tmp_path / "key") == before
    assert write(tmp_path / "key", second) == tmp_path / "key~2"
    assert write(tmp_path / "key", first) == tmp_path / "key"
    assert {p.name for p in tmp_path.iterdir()} == {"a", "b", "key", "key~2"}


@pytest.mark.parametrize("patient", ["SOMEBODY-ELSE", ""])
def test_another_patient_under_the_same_study_goes_beside(tmp_path: Path, patient: str) -> None:
    volume = write_series(tmp_path / "ct")
    write(tmp_path / "key", volume)
    before = contents(tmp_path / "key")
    for image in volume.source_images:
        dataset = dcmread(image.path)
        dataset.PatientID = patient
        dataset.save_as(image.path)
    folder = write(tmp_path / "key", volume)
    if patient:
        assert folder == tmp_path / "key~2"
        assert contents(tmp_path / "key") == before
    else:  # nobody can tell
        assert folder == tmp_path / "key"


def test_another_file_of_the_same_name_goes_beside(tmp_path: Path) -> None:
    volume = research(write_series(tmp_path / "ct"))
    mirrored = dataclasses.replace(volume, hu=np.ascontiguousarray(volume.hu[..., ::-1]))
    assert write(tmp_path / "scan", volume) == tmp_path / "scan"
    before = contents(tmp_path / "scan")
    assert write(tmp_path / "scan", mirrored) == tmp_path / "scan~2"
    assert contents(tmp_path / "scan") == before
    assert write(tmp_path / "scan", volume) == tmp_path / "scan"
    moved = dataclasses.replace(
        volume, geometry=volume.geometry.cropped((1, 0, 0), volume.geometry.shape_irc)
    )
    assert write(tmp_path / "scan", moved) == tmp_path / "scan~3"


def test_a_result_that_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    volume = write_series(tmp_path / "ct")
    (tmp_path / "key").mkdir()
    (tmp_path / "key" / "findings.json").write_text('{"findings": [')
    assert write(tmp_path / "key", volume) == tmp_path / "key~2"
    assert (tmp_path / "key" / "findings.json").read_text() == '{"findings": ['
