"""DICOM objects of a signed-off review: each finding has its own mask, looks and words."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from highdicom.sr import srread
from pydicom import Dataset, dcmread

from nodulus.app.chain.settings import load_settings
from nodulus.app.guidelines.clinical import ClinicalFacts
from nodulus.app.review.entries import Rejection
from nodulus.app.review.exports.signed_objects import (
    SignedStudy,
    encode_signed_seg,
    encode_signed_sr,
)
from nodulus.app.review.images import StudyImages
from nodulus.app.review.review_state import SignOff, reviewed
from tests.app.results.others import dcmqi_report, validate
from tests.app.results.synthetic import write_series
from tests.app.results.three_findings import groups_of, three_labels, told_apart


@pytest.fixture
def signed(tmp_path: Path) -> SignedStudy:
    """The first one changed and outlined by the reader, the second rejected, the third as found."""
    volume = write_series(tmp_path)
    labels = three_labels()
    result = told_apart(volume, labels)
    plain = reviewed(result, ())
    first, second, third = plain.findings
    findings = (
        replace(
            first,
            decision="accepted",
            texture="ground-glass",
            malignancy=4,
            changed=("texture",),
            outlined_by="reader",
            comment="look again",
        ),
        replace(second, decision="rejected", rejection=Rejection(reason="vessel", text="a branch")),
        replace(third, decision="accepted"),
    )
    state = replace(
        plain,
        findings=findings,
        comment="of the study",
        signed_off=SignOff("Jane Doe", "2026-01-01T00:00:00+00:00"),
    )
    images = StudyImages(volume, labels, load_settings())
    return SignedStudy(result, state, images, "an analysis", "a hospital")


def test_each_segment_is_the_mask_of_its_own_finding(signed: SignedStudy) -> None:
    made = dcmread(BytesIO(encode_signed_seg(signed)))
    assert [s.SegmentAlgorithmType for s in made.SegmentSequence] == ["MANUAL", "AUTOMATIC"]
    kept = signed.state.findings[0].finding, signed.state.findings[2].finding
    assert [s.TrackingUID for s in made.SegmentSequence] == [f.tracking_uid for f in kept]
    volume = signed.images.volume
    place = {image.sop_instance_uid: n for n, image in enumerate(volume.source_images)}
    held = np.zeros((3, *volume.hu.shape), bool)
    for groups, pixels in zip(made.PerFrameFunctionalGroupsSequence, made.pixel_array, strict=True):
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        held[number, place[source.ReferencedSOPInstanceUID]] = pixels > 0
    labels = three_labels()
    np.testing.assert_array_equal(held[1], labels == 1)
    np.testing.assert_array_equal(held[2], labels == 3)


def codes_of(group: Dataset) -> dict[str, str]:
    return {
        item.ConceptNameCodeSequence[0].CodeMeaning: item.ConceptCodeSequence[0].CodeMeaning
        for item in group.ContentSequence
        if item.ValueType == "CODE"
    }


def segment_of(group: Dataset) -> Any:
    """The segment that a measurement group refers to."""
    numbers = [
        item.ReferencedSOPSequence[0].get("ReferencedSegmentNumber")
        for item in group.ContentSequence
        if item.ValueType == "IMAGE"
    ]
    return next((number for number in numbers if number is not None), None)


def test_each_group_says_what_the_reader_made_of_its_finding(signed: SignedStudy) -> None:
    made = dcmread(BytesIO(encode_signed_sr(signed)))
    groups = groups_of(made)
    assert [segment_of(group) for group in groups] == [1, None, 2]
    first, second, third = (codes_of(group) for group in groups)
    assert first["Texture"] == "non-solid pulmonary nodule"
    assert third["Texture"] == "non-solid pulmonary nodule"  # as the chain has it
    assert second["Texture"] == "solid pulmonary nodule"
    assert "Finding" not in second
    assert [c["Reader's decision on the finding"] for c in (first, second, third)] == [
        "Confirmed by the reader with changes",
        "Rejected by the reader: not a nodule",
        "Confirmed by the reader",
    ]
    for group, one in zip(groups, signed.state.findings, strict=True):
        numbers = {
            item.ConceptNameCodeSequence[0].CodeMeaning: item.MeasuredValueSequence[0].NumericValue
            for item in group.ContentSequence
            if item.ValueType == "NUM"
        }
        assert float(numbers["Volume"]) == pytest.approx(one.finding.volume_mm3, abs=1e-3)
        ratings = [v for name, v in numbers.items() if "rating" in name.lower()]
        assert [int(v) for v in ratings] == ([] if one.malignancy is None else [one.malignancy])


def comments_of(made: Dataset) -> list[str]:
    return [
        item.TextValue
        for item in made.ContentSequence
        if item.ValueType == "TEXT" and item.ConceptNameCodeSequence[0].CodeMeaning == "Comment"
    ]


def with_facts(signed: SignedStudy) -> SignedStudy:
    """What the reader knows of the patient, so that guidelines have much to say."""
    signs = {
        "status": "baseline", "benign_calcification": False, "fat": False, "juxtapleural": False,
        "airway": "none", "cyst": "none", "spiculated": False,
    }  # fmt: skip
    facts = {
        "screening": True, "round": "baseline", "known_lung_cancer": False, "lungs_complete": True,
        "inflammation": False, "lymphadenopathy": False, "metastasis": False, "age_years": 63,
        "findings": {"1": signs, "2": signs, "3": signs},
    }  # fmt: skip
    state = replace(signed.state, clinical=ClinicalFacts.model_validate(facts))
    return replace(signed, state=state)


def test_guidelines_go_by_what_the_reader_entered_and_let_stand(signed: SignedStudy) -> None:
    """A ground-glass nodule below 30 mm is category 2 at baseline, and a rejected one has none."""
    made = dcmread(BytesIO(encode_signed_sr(with_facts(signed))))
    said, known, *_ = comments_of(made)
    assert said == (
        "Guideline, of what the reader did not reject: Lung-RADS v2022: 2. low-dose CT in 12"
        " months. Rule: ground-glass nodule below 30 mm."
    )
    assert "screening True (reader)" in known
    categories = [
        [value for name, value in codes_of(group).items() if "Lung-RADS" in name]
        for group in groups_of(made)
    ]
    assert categories == [["2"], [], ["2"]]


def test_every_warning_and_every_word_of_the_reader_is_a_comment(signed: SignedStudy) -> None:
    said = comments_of(dcmread(BytesIO(encode_signed_sr(signed))))
    guidelines = [one for one in said if one.startswith(("Guideline", "Known of the patient"))]
    assert said == [
        *guidelines,
        signed.result.disclaimer,
        *(f"Warning: {warning.message}" for warning in signed.result.warnings),
        "of the study",
        "Nodule 1: look again",
        "Nodule 2, rejected: a branch",
    ]
    assert signed.result.warnings


@pytest.fixture
def guided(signed: SignedStudy, tmp_path: Path) -> Path:
    """The signed report with what guidelines advise, as a file."""
    path = tmp_path / "signed_sr.dcm"
    path.write_bytes(encode_signed_sr(with_facts(signed)))
    return path


def test_the_signed_report_with_guidance_holds(guided: Path) -> None:
    assert "Lung-RADS" in " ".join(comments_of(dcmread(guided)))
    validate(guided)


def test_highdicom_reads_the_signed_report(guided: Path, signed: SignedStudy) -> None:
    content = srread(guided).content
    accepted = content.get_volumetric_roi_measurement_groups()
    rejected = content.get_image_measurement_groups()  # it has no region
    kept = {f.finding.tracking_uid: f for f in signed.state.findings}
    assert [str(group.tracking_uid) for group in accepted] == ["2.25.1001", "2.25.1003"]
    assert [str(group.tracking_uid) for group in rejected] == ["2.25.1002"]
    for group in (*accepted, *rejected):
        reviewed = kept[str(group.tracking_uid)]
        told = {e.name.value: e.value for e in group.get_qualitative_evaluations()}
        lung_rads = [value for name, value in told.items() if "lung-rads" in name.lower()]
        assert len(lung_rads) == (reviewed.decision == "accepted")
        volumes = [m.value for m in group.get_measurements() if m.name.meaning == "Volume"]
        assert volumes == pytest.approx([reviewed.finding.volume_mm3], abs=1e-3)


def test_tid1500reader_reads_the_signed_report(
    guided: Path, signed: SignedStudy, tmp_path: Path
) -> None:
    read: Any = dcmqi_report(guided, tmp_path / "sr.json")
    assert (read["CompletionFlag"], read["VerificationFlag"]) == ("COMPLETE", "VERIFIED")
    assert read["observerContext"] == {"ObserverType": "PERSON", "PersonObserverName": "Doe^Jane"}
    seg = dcmread(BytesIO(encode_signed_seg(with_facts(signed))))
    assert [group.get("ReferencedSegment") for group in read["Measurements"]] == [1, None, 2]
    for group, one in zip(read["Measurements"], signed.state.findings, strict=True):
        assert group["TrackingUniqueIdentifier"] == one.finding.tracking_uid
        if "ReferencedSegment" in group:
            assert group["segmentationSOPInstanceUID"] == seg.SOPInstanceUID
        numbers = {i["quantity"]["CodeMeaning"]: i["value"] for i in group["measurementItems"]}
        assert float(numbers["Volume"]) == pytest.approx(one.finding.volume_mm3, abs=1e-3)
