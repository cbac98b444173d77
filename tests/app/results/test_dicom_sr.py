"""The structured report: references, measurements, comments and coordinates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from nodulus.app.result import ResultWarning
from nodulus.app.results.file_plan import SEG_FILE, SR_FILE
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from nodulus.app.volume import CtVolume

from .dicom_objects import concept, items, write
from .others import validate
from .synthetic import PATIENT_NAME, SHAPE, result_for, two_labels, write_series


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[CtVolume, Path]:
    root = tmp_path_factory.mktemp("single")
    volume = write_series(root / "ct")
    return volume, write(root / "out", volume, two_labels())


def test_sr_refers_to_segments_and_says_what_it_is(written: tuple[CtVolume, Path]) -> None:
    volume, folder = written
    seg, sr = dcmread(folder / SEG_FILE), dcmread(folder / SR_FILE)
    assert sr.VerificationFlag == "UNVERIFIED"
    assert sr.PreliminaryFlag == "PRELIMINARY"
    assert sr.PatientName == PATIENT_NAME
    assert sr.StudyInstanceUID == volume.study_uid
    every = list(items(sr))
    segments = [item for item in every if concept(item) == "Referenced Segment"]
    assert [i.ReferencedSOPSequence[0].ReferencedSegmentNumber for i in segments] == [1, 2]
    assert {i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for i in segments} == {
        seg.SOPInstanceUID
    }
    library = [item for item in every if concept(item) == "Source"]
    assert len(library) == SHAPE[0]
    assert any("Research software" in item.get("TextValue", "") for item in every)


def test_sr_measurements_have_the_result_s_values(written: tuple[CtVolume, Path]) -> None:
    volume, folder = written
    first = result_for(volume, two_labels()).findings[0]
    sr = dcmread(folder / SR_FILE)
    group = next(item for item in items(sr) if concept(item) == "Measurement Group")
    found = {}
    for item in group.ContentSequence:
        if item.ValueType == "NUM":
            value = item.MeasuredValueSequence[0]
            derivation = [
                inner.ConceptCodeSequence[0].CodeMeaning
                for inner in item.get("ContentSequence", [])
                if concept(inner) == "Derivation"
            ]
            unit = value.MeasurementUnitsCodeSequence[0].CodeValue
            found[(concept(item), *derivation)] = (float(value.NumericValue), unit)
    assert found == {
        ("Volume",): (pytest.approx(first.volume_mm3, abs=1e-3), "mm3"),
        ("Long axis",): (12.0, "mm"),
        ("Short axis",): (10.0, "mm"),
        ("Size",): (11.0, "mm"),
        ("Attenuation Coefficient", "Mean"): (pytest.approx(40.0), "[hnsf'U]"),
        ("Attenuation Coefficient", "Standard Deviation"): (0.0, "[hnsf'U]"),
        ("Volume of the solid component",): (120.5, "mm3"),
        ("Long axis of the solid component",): (6.25, "mm"),
        ("Certainty of Finding",): (90.0, "%"),
        ("Probability of cancer",): (80.0, "%"),
    }


def test_sr_codes_the_texture_where_it_is_known(written: tuple[CtVolume, Path]) -> None:
    groups = [i for i in items(dcmread(written[1] / SR_FILE)) if concept(i) == "Measurement Group"]
    textures = [
        [
            (value.CodeValue, value.CodingSchemeDesignator)
            for item in group.ContentSequence
            if concept(item) == "Texture"
            for value in item.ConceptCodeSequence
        ]
        for group in groups
    ]
    assert textures == [[("RID50152", "RADLEX")], []]
    solid = next(i for i in items(groups[0]) if concept(i) == "Volume of the solid component")
    (site,) = [i for i in items(solid) if concept(i) == "Finding Site"]
    assert site.ConceptCodeSequence[0].CodeValue == "RID50154"


def test_no_findings_is_said(tmp_path: Path) -> None:
    volume = write_series(tmp_path / "ct")
    folder = write(tmp_path / "out", volume, np.zeros(SHAPE, np.uint8))
    assert not (folder / SEG_FILE).exists()
    sr = dcmread(folder / SR_FILE)
    said = [
        item.ConceptCodeSequence[0].CodeMeaning
        for item in items(sr)
        if concept(item) == "Summary of Detections"
    ]
    assert said == ["All algorithms succeeded; without findings"]
    assert not any(concept(item) == "Finding" for item in items(sr))
    validate(folder / SR_FILE)


def test_sr_has_the_disclaimer_and_every_warning(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path / "ct"), two_labels()
    warnings = (
        ResultWarning(code="lungs-cut", message="About 55 % of the lungs are in the scan."),
        ResultWarning(code="thick-slices", message="Slices of 5 mm hide or blur small nodules."),
    )
    result = result_for(volume, labels).model_copy(update={"warnings": warnings})
    options = OutputOptions(report=False)
    write_results(tmp_path / "out", volume, labels, result, options=options)
    sr = dcmread(tmp_path / "out" / SR_FILE)
    comments = [item.TextValue for item in sr.ContentSequence if concept(item) == "Comment"]
    assert comments == [
        result.disclaimer,
        "Warning: About 55 % of the lungs are in the scan.",
        "Warning: Slices of 5 mm hide or blur small nodules.",
    ]
    validate(tmp_path / "out" / SR_FILE)


def test_sr_without_seg_gives_coordinates(tmp_path: Path) -> None:
    volume = write_series(tmp_path / "ct")
    folder = write(tmp_path / "out", volume, two_labels(), seg=False)
    lines = [item for item in items(dcmread(folder / SR_FILE)) if item.ValueType == "SCOORD3D"]
    assert len(lines) == 4
    ends = result_for(volume, two_labels()).findings[0].longest_diameter_ends_lps_mm
    assert lines[0].GraphicData == pytest.approx(np.ravel(ends), abs=1e-3)
    validate(folder / SR_FILE)
