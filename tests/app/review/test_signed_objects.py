"""DICOM objects of a signed-off review: each finding has its own mask, looks and words."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
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
from tests.app.results.synthetic import write_series
from tests.app.results.test_reader_values import groups_of, three_labels, told_apart


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


def test_guidelines_go_by_what_the_reader_entered_and_let_stand(signed: SignedStudy) -> None:
    """A ground-glass nodule below 30 mm is category 2 at baseline, and a rejected one has none."""
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
    made = dcmread(BytesIO(encode_signed_sr(replace(signed, state=state))))
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
