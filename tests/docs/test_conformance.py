"""The conformance statement names every SOP class, series and CT class that the code has."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID

from nodulus.app.data.marked_points.measurement_report import SR_CLASSES
from nodulus.app.data.masks.rtstruct import RTSTRUCT_CLASS
from nodulus.app.data.masks.seg_reader import SEG_CLASSES
from nodulus.app.exports import rtstruct
from nodulus.app.exports.study import ResultToExport
from nodulus.app.reading.series_rules import CT_CLASSES
from nodulus.app.results import dicom_series
from nodulus.app.results.dicom_series import DerivedSeries
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from tests.app.results.synthetic import result_for, two_labels, write_series
from tests.docs.shell_blocks import REPOSITORY

PAGE = (REPOSITORY / "docs" / "conformance.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Dataset]:
    """The DICOM objects of one study, with every option."""
    folder = tmp_path_factory.mktemp("conformance")
    volume, labels = write_series(folder / "ct"), two_labels()
    options = OutputOptions(key_images=True, pdf=True, report=False)
    out = folder / "out"
    result = write_results(out, volume, labels, result_for(volume, labels), options=options)
    for name, content in rtstruct.export(ResultToExport(out, result)).items():
        Path(out, name).write_bytes(content)
    return [dcmread(path, stop_before_pixels=True) for path in sorted(out.glob("*.dcm"))]


def test_every_object_has_a_row_with_its_class_and_series(written: list[Dataset]) -> None:
    assert len({d.SOPClassUID for d in written}) == 6
    for dataset in written:
        uid = UID(dataset.SOPClassUID)
        rows = [row for row in PAGE.splitlines() if f"| {uid.name} | {uid} | " in row]
        assert any(str(dataset.SeriesNumber) in row for row in rows), (uid.name, rows)
        assert dataset.file_meta.TransferSyntaxUID.name == "Explicit VR Little Endian"
        assert dataset.SpecificCharacterSet == "ISO_IR 192"


def test_every_series_number_is_named_once() -> None:
    own = [value for value in vars(dicom_series).values() if isinstance(value, DerivedSeries)]
    numbers = [series.number for series in own]
    assert len(set(numbers)) == len(numbers)
    assert all(PAGE.count(str(number)) == 1 for number in numbers)


def test_every_class_that_is_read_is_named() -> None:
    for uid in CT_CLASSES:
        assert f"| {UID(uid).name} | {uid} |" in PAGE


def test_every_class_of_masks_and_reports_is_named() -> None:
    for uid in {RTSTRUCT_CLASS, *SEG_CLASSES, *SR_CLASSES}:
        assert uid in PAGE
