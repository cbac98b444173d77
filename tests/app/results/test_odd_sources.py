"""Sources whose headers DICOM does not allow, and objects about them that it does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from nodulus.app.reading import find_studies
from nodulus.app.results.sources import read_source_headers
from tests.app.reading.dicom_factory import body_hu, write_series
from tests.app.results import synthetic
from tests.headers.outcome import write_all

HU = body_hu((12, 28, 24))


def test_directions_are_at_right_angles(tmp_path: Path) -> None:
    def lean(image: Dataset, _k: int) -> None:
        image.ImageOrientationPatient = [1, 0.0004, 0, 0.0003, 1, 0]

    write_series(tmp_path / "in", HU, step_mm=5.0, edit=lean)
    volume = find_studies(tmp_path / "in").studies[0].load()
    assert np.array_equal(volume.hu, HU)
    assert write_all(volume, tmp_path / "out", validate=False) is None
    seg = pydicom.dcmread(tmp_path / "out" / "nodules_seg.dcm")
    shared = seg.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    directions = np.reshape(np.asarray(shared.ImageOrientationPatient, float), (2, 3))
    assert directions @ directions.T == pytest.approx(np.eye(2), abs=1e-7)
    assert directions == pytest.approx(np.eye(3)[:2], abs=1e-3)


def test_control_characters_of_a_name_are_left_out(tmp_path: Path) -> None:
    def spoil(image: Dataset, _k: int) -> None:
        value = b"DOE\x07^JANE\r\nX\x00 "
        tag = Tag("PatientName")
        image._dict[tag] = RawDataElement(tag, "PN", len(value), value, 0, False, True, True)

    write_series(tmp_path / "in", HU, step_mm=5.0, edit=spoil)
    volume = find_studies(tmp_path / "in").studies[0].load()
    assert write_all(volume, tmp_path / "out", validate=False) is None
    for name in ("nodules_seg.dcm", "nodules_sr.dcm", "report_pdf.dcm"):
        written = pydicom.dcmread(tmp_path / "out" / name)
        assert str(written.PatientName).strip() == "DOE^JANEX"


def test_without_a_slice_thickness_it_is_the_volumes_or_the_distance_between_slices(
    tmp_path: Path,
) -> None:
    volume = synthetic.write_series(tmp_path, identity=False)
    sources = read_source_headers(volume)
    assert {float(one.SliceThickness) for one in sources.datasets} == {2.5}
    thicker = replace(volume, facts=replace(volume.facts, slice_thickness_mm=4.0))
    assert {float(one.SliceThickness) for one in read_source_headers(thicker).datasets} == {4.0}
    own = synthetic.write_series(tmp_path / "own")
    thicker = replace(own, facts=replace(own.facts, slice_thickness_mm=4.0))
    assert {float(one.SliceThickness) for one in read_source_headers(thicker).datasets} == {2.5}
