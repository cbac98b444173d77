"""De-identified objects hold no identity, are valid and refer to each other."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.results import deidentify
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results

from .others import validate
from .synthetic import SHAPE, result_for, two_labels, write_multiframe, write_series

OPTIONS = OutputOptions(report=False, deidentify=True)


def write(folder: Path, volume: Any, options: OutputOptions = OPTIONS) -> dict[str, Dataset]:
    result = result_for(volume, two_labels())
    write_results(folder, volume, two_labels(), result, options=options)
    return {path.name: dcmread(path) for path in sorted(folder.glob("*.dcm"))}


def values(dataset: Dataset, keyword: str) -> Iterator[Any]:
    """Of an attribute, wherever it stands."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from values(item, keyword)
        elif element.keyword == keyword:
            yield element.value


@pytest.mark.parametrize("make", [write_series, write_multiframe])
def test_the_objects_hold_no_identity_and_are_valid(tmp_path: Path, make: Any) -> None:
    source = make(tmp_path / "ct")
    plain = write(tmp_path / "plain", source, OutputOptions(report=False))
    objects = write(tmp_path / "out", source)
    assert set(objects) == set(plain)
    assert len({dataset.PatientID for dataset in objects.values()}) == 1
    for name, dataset in objects.items():
        for keyword in ("PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyID"):
            assert not dataset[keyword].value, keyword
        assert dataset.PatientID != plain[name].PatientID
        assert dataset.PatientIdentityRemoved == "YES"
        method = [(c.CodeValue, c.CodingSchemeDesignator) for c in
                  dataset.DeidentificationMethodCodeSequence]  # fmt: skip
        assert method == [("113100", "DCM"), ("113104", "DCM"), ("113105", "DCM")]
        assert dataset.SeriesDescription == plain[name].SeriesDescription
        validate(tmp_path / "out" / name)
    seg = objects["nodules_seg.dcm"]
    np.testing.assert_array_equal(seg.pixel_array, plain["nodules_seg.dcm"].pixel_array)


def test_a_reference_to_another_study_object_leaves_nothing_empty(tmp_path: Path) -> None:
    source = write_series(tmp_path / "ct")
    for image in source.source_images:
        header = dcmread(image.path)
        header.ReferencedStudySequence = [Dataset()]
        header.ReferencedStudySequence[0].ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
        header.ReferencedStudySequence[0].ReferencedSOPInstanceUID = "1.2.3.4"
        header.save_as(image.path)
    for name, dataset in write(tmp_path / "out", source).items():
        assert "ReferencedStudySequence" not in dataset
        validate(tmp_path / "out" / name)


def test_objects_refer_to_each_other_and_not_to_the_source(tmp_path: Path) -> None:
    source = write_series(tmp_path / "ct")
    objects = write(tmp_path / "out", source)
    seg, sr = objects["nodules_seg.dcm"], objects["nodules_sr.dcm"]
    assert seg.file_meta.MediaStorageSOPInstanceUID == seg.SOPInstanceUID
    assert seg.SOPInstanceUID in set(values(sr, "ReferencedSOPInstanceUID"))
    assert seg.StudyInstanceUID == sr.StudyInstanceUID
    tracked = set(values(seg, "TrackingUID"))
    assert len(tracked) == 2
    assert tracked <= set(values(sr, "UID"))
    images = {str(u) for u in values(seg, "ReferencedSOPInstanceUID")}
    assert len(images) == SHAPE[0]
    assert images <= {str(u) for u in values(sr, "ReferencedSOPInstanceUID")}
    original = {str(image.sop_instance_uid) for image in source.source_images}
    original |= {str(source.study_uid), str(source.series_uid)}
    original |= {str(dcmread(source.source_images[0].path).FrameOfReferenceUID)}
    everything = b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert [uid for uid in original if uid.encode() in everything] == []
    written = json.loads((tmp_path / "out" / "findings.json").read_text())
    assert written["study_uid"] == seg.StudyInstanceUID
    assert {f["tracking_uid"] for f in written["findings"]} == tracked


def test_two_objects_of_one_source_agree_and_two_patients_do_not(tmp_path: Path) -> None:
    source = write_series(tmp_path / "ct")
    first = write(tmp_path / "1", source)["nodules_seg.dcm"]
    second = write(tmp_path / "2", source)["nodules_seg.dcm"]
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.FrameOfReferenceUID == second.FrameOfReferenceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    for path in (tmp_path / "ct").iterdir():
        image = dcmread(path)
        image.PatientID = "SECRET-4712"
        image.save_as(path)
    other = write(tmp_path / "3", source)["nodules_seg.dcm"]
    assert other.PatientID not in (first.PatientID, "SECRET-4712")


def test_private_and_free_text_attributes_go(tmp_path: Path) -> None:
    plain = write(tmp_path / "out", write_series(tmp_path / "ct"), OutputOptions(report=False))
    dataset = plain["nodules_seg.dcm"]
    dataset.PatientComments = dataset.StudyDescription = dataset.InstitutionName = "Secret"
    dataset.OperatorsName = "Secret"
    dataset.SegmentSequence[0].private_block(0x0011, "Vendor", create=True).add_new(
        1, "LO", "Secret"
    )
    item = Dataset()
    item.PatientID, item.TypeOfPatientID = "Secret", "TEXT"
    dataset.OtherPatientIDsSequence = [item]
    overlay = 0x60003000
    dataset.add_new(overlay, "OW", b"Secret")
    deidentify.deidentify(dataset)
    assert overlay not in dataset
    assert "Secret" not in str(dataset)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(NodulusError, match=r"\[deidentify\]") as caught:
        deidentify.require_library()
    assert caught.value.code is ErrorCode.PACKAGE_MISSING
