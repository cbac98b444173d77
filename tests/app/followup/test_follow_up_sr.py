"""The structured report of two scans, read back with pydicom and highdicom."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.sr.codedict import codes as standard

from nodulus.app.chain.analysis import Analysis
from nodulus.app.followup.compare import AnalysedScan
from nodulus.app.followup.follow_up_sr import SR_FILE, encode_follow_up_sr
from nodulus.app.followup.pair_files import PairOptions, is_complete, pair_files
from nodulus.app.followup.result import (
    DoublingTime,
    FollowUp,
    NoduleChange,
    NoduleOnScan,
    ScanOfPair,
)
from nodulus.app.result import ModelInfo, ResultWarning
from nodulus.app.results import codes
from tests.app.results.dicom_objects import concept, items
from tests.app.results.others import dcmqi_report, validate
from tests.app.results.synthetic import (
    PATIENT_NAME,
    result_for,
    two_labels,
    write_multiframe,
    write_series,
)


def scanned(folder: Path, day: dt.date | None, *, multiframe: bool = False) -> AnalysedScan:
    volume = write_multiframe(folder) if multiframe else write_series(folder)
    labels = two_labels()
    suffix = 1 if day is None else day.year
    findings = tuple(
        one.model_copy(update={"tracking_uid": f"{one.tracking_uid}.{suffix}"})
        for one in result_for(volume, labels).findings
    )
    analysis = Analysis(
        findings, labels, (), None, np.zeros((1, 1, 1), np.float32), volume.geometry, (), {}
    )  # fmt: skip
    return AnalysedScan(volume, analysis, day)


def on(scan: AnalysedScan, number: int) -> NoduleOnScan:
    one = scan.analysis.findings[number - 1]
    return NoduleOnScan(
        finding_id=number,
        center_lps_mm=one.center_lps_mm,
        volume_mm3=one.volume_mm3,
        mean_diameter_mm=11.0,
        longest_diameter_mm=one.longest_diameter_mm,
    )


def told(scan: AnalysedScan) -> ScanOfPair:
    return ScanOfPair(
        study_uid=scan.volume.study_uid, series_uid=scan.volume.series_uid, acquired=None,
        spacing_irc_mm=(1.0, 1.0, 1.0), convolution_kernel=None,
    )  # fmt: skip


def followed(prior: AnalysedScan, current: AnalysedScan, days: float | None = 366.0) -> FollowUp:
    return FollowUp(
        nodulus_version="0.1.0",
        created="2025-01-31T12:34:56+00:00",
        prior=told(prior),
        current=told(current),
        days=days,
        lung_overlap=0.95,
        repeatability_source="two measurements",
        models=(ModelInfo(name="nodule", version="0.1.0", sha256="ab" * 32, trained_on="x"),),
        nodules=(
            NoduleChange(
                state="grown",
                tracking_uid="2.25.77",
                prior=on(prior, 1),
                current=on(current, 1),
                volume_change_share=0.41,
                mean_diameter_change_mm=1.3,
                doubling_time=DoublingTime(days=738.3, shortest_days=421.6, longest_days=None),
            ),
            NoduleChange(state="new", tracking_uid="2.25.78", current=on(current, 2)),
            NoduleChange(state="not found", tracking_uid="2.25.79", prior=on(prior, 2)),
            NoduleChange(
                state="no proven change",
                tracking_uid="2.25.80",
                reason="the measures do not agree",
                prior=on(prior, 2),
                current=on(current, 1),
                ambiguous=True,
                volume_change_share=-0.125,
                mean_diameter_change_mm=-0.7,
                doubling_time=DoublingTime(days=None, shortest_days=90.0, longest_days=900.0),
            ),
        ),
        warnings=(ResultWarning(code="poorly-registered", message="Check every match by eye."),),
    )


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[AnalysedScan, AnalysedScan, Path]:
    root = tmp_path_factory.mktemp("pair")
    prior = scanned(root / "prior", dt.date(2024, 1, 1))
    current = scanned(root / "current", dt.date(2025, 1, 1))
    path = root / SR_FILE
    path.write_bytes(encode_follow_up_sr(prior, current, followed(prior, current)))
    return prior, current, path


def numbers(group) -> dict[tuple[str, ...], tuple[float, str]]:
    found = {}
    for item in group.ContentSequence:
        if item.ValueType == "NUM" and item.RelationshipType == "CONTAINS":
            derivation = [
                inner.ConceptCodeSequence[0].CodeMeaning
                for inner in item.get("ContentSequence", [])
                if concept(inner) == "Derivation"
            ]
            value = item.MeasuredValueSequence[0]
            unit = value.MeasurementUnitsCodeSequence[0].CodeValue
            found[(concept(item), *derivation)] = (float(value.NumericValue), unit)
    return found


def text(group, name: str) -> list[str]:
    return [
        str(item.get("UID") or item.get("TextValue") or item.get("DateTime"))
        for item in group.ContentSequence
        if concept(item) == name
    ]


def test_it_is_valid_and_belongs_to_the_current_study(pair):
    prior, current, path = pair
    validate(path)
    sr = dcmread(path)
    assert sr.StudyInstanceUID == current.volume.study_uid != prior.volume.study_uid
    assert str(sr.PatientName) == PATIENT_NAME
    assert (sr.VerificationFlag, sr.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert sr.ContentTemplateSequence[0].TemplateIdentifier == "1500"


def test_images_of_both_studies_are_referred_to(pair):
    prior, current, path = pair
    sr = dcmread(path)
    (now,) = sr.CurrentRequestedProcedureEvidenceSequence
    (before,) = sr.PertinentOtherEvidenceSequence
    assert now.StudyInstanceUID == current.volume.study_uid
    assert before.StudyInstanceUID == prior.volume.study_uid
    library = {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in items(sr)
        if item.ValueType == "IMAGE"
    }
    every = {image.sop_instance_uid for s in (prior, current) for image in s.volume.source_images}
    assert library == every


def test_a_nodule_on_both_scans_has_two_groups_of_one_tracking_uid(pair):
    prior, current, path = pair
    groups = [i for i in items(dcmread(path)) if concept(i) == "Measurement Group"]
    assert [text(g, "Tracking Unique Identifier") for g in groups] == [
        ["2.25.77"], ["2.25.77"], ["2.25.78"], ["2.25.79"], ["2.25.80"], ["2.25.80"]
    ]  # fmt: skip
    assert [text(g, "Time Point") for g in groups] == [
        ["2024-01-01"], ["2025-01-01"], ["2025-01-01"], ["2024-01-01"],
        ["2024-01-01"], ["2025-01-01"],
    ]  # fmt: skip
    before, now = groups[:2]
    volume = prior.analysis.findings[0].volume_mm3
    assert numbers(before) == {
        ("Volume",): (pytest.approx(volume, abs=1e-3), "mm3"),
        ("Long axis",): (12.0, "mm"),
        ("Short axis",): (10.0, "mm"),
        ("Size",): (11.0, "mm"),
    }
    changes = {name: value for name, value in numbers(now).items() if name not in numbers(before)}
    assert changes == {
        ("Change of the volume since the prior scan",): (41.0, "%"),
        ("Change of the mean diameter since the prior scan",): (1.3, "mm"),
        ("Volume doubling time",): (738.0, "d"),
        ("Volume doubling time", "Minimum"): (422.0, "d"),
    }
    shrunk = numbers(groups[5])
    assert shrunk["Change of the volume since the prior scan",] == (-12.5, "%")
    assert shrunk["Change of the mean diameter since the prior scan",] == (-0.7, "mm")
    assert not any("doubling" in name[0] for name in shrunk)
    images = [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for group in (before, now)
        for item in group.ContentSequence
        if item.ValueType == "IMAGE"
    ]
    # The nodule is in slices 7 to 11.
    assert images == [s.volume.source_images[9].sop_instance_uid for s in (prior, current)]
    frames = {
        item.ReferencedFrameOfReferenceUID for item in items(before) if item.ValueType == "SCOORD3D"
    }
    assert frames == {dcmread(prior.volume.source_images[0].path).FrameOfReferenceUID}


def test_states_and_the_open_interval_are_coded(pair):
    groups = [i for i in items(dcmread(pair[2])) if concept(i) == "Measurement Group"]
    said = [
        {
            concept(item): item.ConceptCodeSequence[0].CodeValue
            for item in group.ContentSequence
            if item.ValueType == "CODE"
            and item.ConceptNameCodeSequence[0].CodingSchemeDesignator == codes.PRIVATE_SCHEME
        }
        for group in groups
    ]
    assert said == [
        {},
        {
            codes.FOLLOW_UP_STATE.meaning: codes.LARGER.value,
            codes.MAY_NOT_GROW.meaning: codes.YES.value,
        },
        {codes.FOLLOW_UP_STATE.meaning: codes.NEW.value},
        {codes.FOLLOW_UP_STATE.meaning: codes.NOT_FOUND.value},
        {},
        {
            codes.FOLLOW_UP_STATE.meaning: codes.NO_PROVEN_CHANGE.value,
            codes.AMBIGUOUS_MATCH.meaning: codes.YES.value,
            codes.MAY_NOT_GROW.meaning: codes.NO.value,
        },
    ]


def test_it_reads_back_with_highdicom_and_dcmqi(pair, tmp_path):
    read = hd.sr.srread(pair[2])
    groups = read.content.get_image_measurement_groups(tracking_uid="2.25.77")
    assert [len(g.get_measurements(name=standard.SCT.Volume)) for g in groups] == [1, 1]
    assert [g.finding_type.value for g in groups] == ["27925004", "27925004"]
    read_by_dcmqi = dcmqi_report(pair[2], tmp_path / "sr.json")
    assert len(read_by_dcmqi["Measurements"]) == 6


def test_doubts_warnings_and_limits_are_comments(pair):
    comments = [i.TextValue for i in dcmread(pair[2]).ContentSequence if concept(i) == "Comment"]
    assert comments == [
        "Two scans, 366 days apart.",
        "Overlap of the lungs (Dice) once registered: 0.95.",
        "Limits of agreement: two measurements.",
        "Nodule 4 of the follow-up: the measures do not agree.",
        "Research software, not a medical device. Assists a reader; decides nothing.",
        "Warning: Check every match by eye.",
    ]


def test_each_group_lies_in_its_own_scan_and_time(pair):
    prior, current, path = pair
    groups = [i for i in items(dcmread(path)) if concept(i) == "Measurement Group"]
    scans = [prior, current, current, prior, prior, current]
    ids = [1, 1, 2, 2, 2, 1]
    for group, one, number in zip(groups, scans, ids, strict=True):
        finding = one.analysis.findings[number - 1]
        frame = dcmread(one.volume.source_images[0].path).FrameOfReferenceUID
        lines = [item for item in items(group) if item.ValueType == "SCOORD3D"]
        assert {line.ReferencedFrameOfReferenceUID for line in lines} == {frame}
        for line, ends in zip(
            lines,
            (finding.longest_diameter_ends_lps_mm, finding.perpendicular_diameter_ends_lps_mm),
            strict=True,
        ):
            points = np.reshape(np.asarray(line.GraphicData, float), (2, 3))
            np.testing.assert_allclose(points, ends, atol=1e-3)
        told = {
            concept(i): i for i in items(group) if "emporal" in concept(i) or "Time" in concept(i)
        }
        order, offset = (0, 1)[one is current] + 1, 366.0 if one is current else 0.0
        assert float(told["Time Point Order"].MeasuredValueSequence[0].NumericValue) == order
        (from_event,) = (i for n, i in told.items() if "offset" in n.lower())
        measured = from_event.MeasuredValueSequence[0]
        assert float(measured.NumericValue) == offset
        assert measured.MeasurementUnitsCodeSequence[0].CodeValue == "d"
        (site,) = (i for i in group.ContentSequence if concept(i) == "Finding Site")
        where = site.ConceptCodeSequence[0].CodeMeaning
        assert where == ("Lower lobe of lung" if number == 1 else "Lung")
        sides = [i.ConceptCodeSequence[0].CodeMeaning for i in site.get("ContentSequence", [])]
        assert sides == (["Right"] if number == 1 else [])


@pytest.mark.parametrize("multiframe", [False, True])
def test_scans_without_dates_and_without_nodules(tmp_path, multiframe):
    prior = scanned(tmp_path / "prior", None)
    current = scanned(tmp_path / "current", None, multiframe=multiframe)
    found = followed(prior, current, days=None)
    path = tmp_path / SR_FILE
    path.write_bytes(encode_follow_up_sr(prior, current, found))
    validate(path)
    groups = [i for i in items(dcmread(path)) if concept(i) == "Measurement Group"]
    assert [text(g, "Time Point") for g in groups] == [
        ["prior"], ["current"], ["current"], ["prior"], ["prior"], ["current"]
    ]  # fmt: skip
    path.write_bytes(encode_follow_up_sr(prior, current, found.model_copy(update={"nodules": ()})))
    validate(path)
    assert "All algorithms succeeded; without findings" in str(dcmread(path))


def test_images_that_have_gone_cost_the_report_alone(tmp_path):
    prior, current = (scanned(tmp_path / n, None) for n in ("prior", "current"))
    found = followed(prior, current)
    whole, files = pair_files(prior, current, found, PairOptions(report=False))
    assert is_complete(whole)
    assert list(files) == [SR_FILE]
    prior.volume.source_images[0].path.unlink()
    lacking, files = pair_files(prior, current, found, PairOptions(report=False))
    assert not is_complete(lacking)
    assert not files
    assert "cannot be read again" in lacking.files_left_out["sr"]
