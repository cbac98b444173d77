"""Key object selection, secondary captures and encapsulated PDF."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
import SimpleITK as sitk
from pydicom import Dataset, dcmread

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.guidelines.known_facts import known_facts
from nodulus.app.guidelines.study_guidance import study_guidance
from nodulus.app.result import StudyResult
from nodulus.app.results import options as options_module
from nodulus.app.results.answer import answers
from nodulus.app.results.guideline_rows import guideline_rows
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from nodulus.app.volume import CtVolume
from tests.app.guidelines.test_assess import FACTS, PLAIN

from .others import validate
from .synthetic import (
    PATIENT_ID,
    PATIENT_NAME,
    SHAPE,
    result_for,
    two_labels,
    write_multiframe,
    write_series,
)

OPTIONS = OutputOptions(report=False, key_images=True, pdf=True)


def write(folder: Path, volume: CtVolume, labels: np.ndarray) -> StudyResult:
    result = result_for(volume, labels)
    return write_results(folder / "out", volume, labels, result, options=OPTIONS)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[CtVolume, Path, StudyResult]:
    root = tmp_path_factory.mktemp("keys")
    volume = write_series(root / "ct")
    return volume, root / "out", write(root, volume, two_labels())


def references(document: Dataset) -> list[Dataset]:
    return [
        item.ReferencedSOPSequence[0]
        for item in document.ContentSequence
        if item.ValueType == "IMAGE"
    ]


def pages(path: Path) -> list[str]:
    data = dcmread(path)
    pdf = pypdfium2.PdfDocument(data.EncapsulatedDocument[: data.EncapsulatedDocumentLength])
    return [page.get_textpage().get_text_range() for page in pdf]


def test_every_object_is_valid_and_of_the_patient(
    written: tuple[CtVolume, Path, StudyResult],
) -> None:
    volume, folder, result = written
    names = {n for n in result.files.values() if n.endswith(".dcm")}
    assert names == {path.name for path in folder.glob("*.dcm")}
    assert {"key_objects.dcm", "key_image_1.dcm", "key_image_2.dcm", "report_pdf.dcm"} < names
    source = dcmread(volume.source_images[0].path)
    series: dict[int, set[str]] = {}
    for name in sorted(names):
        validate(folder / name)
        made = dcmread(folder / name)
        for keyword in ("PatientName", "PatientID", "PatientBirthDate", "StudyInstanceUID",
                        "StudyDate", "StudyID"):  # fmt: skip
            assert made[keyword].value == source[keyword].value, (name, keyword)
        assert "research" in made.SeriesDescription
        series.setdefault(int(made.SeriesNumber), set()).add(str(made.SeriesInstanceUID))
    assert sorted(series) == [9801, 9802, 9803, 9804, 9805]
    assert all(len(uids) == 1 for uids in series.values())


def test_key_objects_point_to_the_slices_of_the_findings(
    written: tuple[CtVolume, Path, StudyResult],
) -> None:
    volume, folder, _ = written
    document = dcmread(folder / "key_objects.dcm")
    assert document.Modality == "KO"
    assert document.ConceptNameCodeSequence[0].CodeValue == "113000"
    place = {image.sop_instance_uid: n for n, image in enumerate(volume.source_images)}
    assert [place[r.ReferencedSOPInstanceUID] for r in references(document)] == [7, 14]
    (text,) = [i.TextValue for i in document.ContentSequence if "Description" in
               i.ConceptNameCodeSequence[0].CodeMeaning]  # fmt: skip
    assert text.startswith("Nodule 1: image 13; Nodule 2: image 6.")


def test_key_objects_of_a_multi_frame_file_name_frames(tmp_path: Path) -> None:
    volume = write_multiframe(tmp_path / "ct")
    write(tmp_path, volume, two_labels())
    for path in (tmp_path / "out").glob("*.dcm"):
        validate(path)
    (reference,) = references(dcmread(tmp_path / "out" / "key_objects.dcm"))
    frames = [int(frame) for frame in reference.ReferencedFrameNumber]
    labels = two_labels()[::-1]  # the file's frames run down
    assert [np.unique(labels[frame - 1]).tolist() for frame in frames] == [[0, 2], [0, 1]]


def test_secondary_captures_show_the_findings(
    written: tuple[CtVolume, Path, StudyResult],
) -> None:
    folder = written[1]
    first, second = (dcmread(folder / f"key_image_{n}.dcm") for n in (1, 2))
    assert [first.InstanceNumber, second.InstanceNumber] == [1, 2]
    assert first.BurnedInAnnotation == "NO"
    assert "Research software" in first.ImageComments
    pixels = first.pixel_array
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "key_image_1.dcm")))[0], pixels
    )
    amber = (np.abs(pixels.astype(int) - (255, 190, 40)).max(axis=-1) < 12).sum()
    blue = (np.abs(pixels.astype(int) - (70, 190, 255)).max(axis=-1) < 12).sum()
    assert amber > 200  # nodule 1's outline
    assert blue < 10  # and not nodule 2's


def test_pdf_says_what_the_report_says_and_not_who(
    written: tuple[CtVolume, Path, StudyResult],
) -> None:
    volume, folder, _ = written
    document = dcmread(folder / "report_pdf.dcm")
    assert document.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert document.Modality == "DOC"
    text = "\n".join(pages(folder / "report_pdf.dcm"))
    for said in ("2 findings, 1 marked as suspicious", "Nodule 1, right lower lobe",
                 "12.0 \N{MULTIPLICATION SIGN} 10.0", "1,800", "Part-solid", "80 %",
                 "Slices are thick.",
                 "Research software, not a medical device", "Page 1"):  # fmt: skip
        assert said in text
    for identity in ("Secret", PATIENT_ID, volume.study_uid, volume.series_uid, "1950"):
        assert str(identity) not in text


def test_pdf_says_what_guidelines_advise(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path / "ct"), two_labels()
    result = result_for(volume, labels)
    facts = FACTS.model_copy(update={"screening": False, "findings": {1: PLAIN, 2: PLAIN}})
    guidance = study_guidance(result.findings, known_facts(facts, 70.0, "female"))
    result = result.model_copy(update={"guidance": guidance})
    options = OutputOptions(report=False, pdf=True)
    write_results(tmp_path / "out", volume, labels, result, options=options)
    text = " ".join(pages(tmp_path / "out" / "report_pdf.dcm")[0].split())
    (fleischner,) = (a for a in answers(guidance) if a.guideline == "Fleischner 2017")
    start = text.index("What guidelines advise")
    assert start < text.index("Ranked by malignancy")
    assert fleischner.possible[0].category in text[start:]
    assert f"nodule {fleischner.finding_id}" in text[start:]
    assert "not the networks' estimate" in text[start:]
    rows = guideline_rows(guidance)
    assert [row[0] for row in rows] == [a.guideline for a in answers(guidance)]


def test_without_guidance_the_pdf_has_no_such_table(tmp_path: Path) -> None:
    write(tmp_path, write_series(tmp_path / "ct"), two_labels())
    assert "What guidelines advise" not in pages(tmp_path / "out" / "report_pdf.dcm")[0]


def test_pdf_is_the_same_each_time(
    written: tuple[CtVolume, Path, StudyResult], tmp_path: Path
) -> None:
    volume, folder, _ = written
    write(tmp_path, volume, two_labels())
    first, second = (
        hashlib.sha256(dcmread(f / "report_pdf.dcm").EncapsulatedDocument).hexdigest()
        for f in (folder, tmp_path / "out")
    )
    assert first == second


def test_without_a_finding_the_pdf_says_so(tmp_path: Path) -> None:
    result = write(tmp_path, write_series(tmp_path / "ct"), np.zeros(SHAPE, np.uint8))
    assert result.files_left_out == {
        "seg": "no findings", "report": "not asked for", "key_images": "no findings"
    }  # fmt: skip
    assert {p.name for p in (tmp_path / "out").glob("*.dcm")} == {
        "nodules_sr.dcm",
        "report_pdf.dcm",
    }
    assert "No nodule was found." in pages(tmp_path / "out" / "report_pdf.dcm")[0]
    for name in ("nodules_sr.dcm", "report_pdf.dcm"):
        validate(tmp_path / "out" / name)


def test_missing_package_is_named_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(_name: str) -> Any:
        return None

    monkeypatch.setattr(options_module.util, "find_spec", without)
    OutputOptions().check()
    with pytest.raises(NodulusError, match=r"pip install 'nodulus\[pdf\]'") as caught:
        OutputOptions(pdf=True).check()
    assert caught.value.code is ErrorCode.PACKAGE_MISSING


def test_unknown_segmentation_type_is_refused() -> None:
    with pytest.raises(ValueError, match="not 'labelmap'"):
        OutputOptions(seg_type="labelmap")  # type: ignore[arg-type]


def test_a_patient_without_attributes(tmp_path: Path) -> None:
    write(tmp_path, write_series(tmp_path / "ct", identity=False), two_labels())
    for path in (tmp_path / "out").glob("*.dcm"):
        validate(path)
        assert str(dcmread(path).PatientName or "") == "" != PATIENT_NAME
