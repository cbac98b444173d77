"""A small result, and entries about it, for the tests of the review."""

from __future__ import annotations

from typing import Any

from nodulus.app.result import CandidateRecord, Finding, OperatingPoint, StudyResult, VolumeInfo
from nodulus.app.review.entries import Entry, Kind, Measured, Outline, parse_data

EMPTY_MASK = Outline(box_start_irc=(0, 0, 0), shape_irc=(1, 1, 1), mask="")


def make_finding(number: int, **more: Any) -> Finding:
    point = (float(number), 2.0, 3.0)
    return Finding(
        **{
            "id": number,
            "tracking_uid": f"2.25.{number}",
            "center_lps_mm": point,
            "center_index_irc": (3.0, 2.0, 1.0),
            "nodule_probability": 0.8,
            "malignancy_probability": 0.9 / number,
            "segmentation_probability": 0.7,
            "classifier_probability": 0.6,
            "longest_diameter_mm": 8.0,
            "perpendicular_diameter_mm": 6.0,
            "longest_diameter_ends_lps_mm": (point, point),
            "perpendicular_diameter_ends_lps_mm": (point, point),
            "equivalent_diameter_mm": 7.0,
            "volume_mm3": 180.0,
            "mean_hu": -50.0,
            "sd_hu": 20.0,
            "voxel_count": 90,
            "texture": "solid",
            "suspicious": number == 1,
            **more,
        }
    )


def make_candidate(number: int, finding_id: int | None, p: float) -> CandidateRecord:
    return CandidateRecord(
        center_lps_mm=(float(number), 2.0, 3.0),
        volume_mm3=100.0,
        segmentation_probability=0.5,
        nodule_probability=p,
        kept=finding_id is not None,
        reason="kept: here" if finding_id else "dropped: nodule probability is low",
        finding_id=finding_id,
    )


def make_result(findings: int = 2, dropped: int = 2) -> StudyResult:
    affine = (
        (0.0, 0.0, 1.0, 0.0),
        (0.0, 1.0, 0.0, 0.0),
        (1.0, 0.0, 0.0, 0.0),
        (0.0, 0.0, 0.0, 1.0),
    )
    return StudyResult(
        nodulus_version="0",
        created="2026-01-01T00:00:00+00:00",
        study_uid="1.2",
        series_uid="1.2.3",
        volume=VolumeInfo(
            source_format="mhd", shape_irc=(8, 8, 8), spacing_irc_mm=(1, 1, 1), affine_lps=affine
        ),
        models=(),
        operating_points=(
            OperatingPoint(name="nodule", threshold=0.1, chosen_on="a test", choice="sensitive"),
        ),
        findings=tuple(make_finding(n + 1) for n in range(findings)),
        candidates=(
            *(make_candidate(n + 1, n + 1, 0.8) for n in range(findings)),
            *(make_candidate(n + 9, None, 0.05) for n in range(dropped)),
        ),
    )


def entry(
    number: int,
    kind: Kind,
    finding: str | None = None,
    who: str = "Reader",
    measured: Finding | None = None,
    **data: Any,
) -> Entry:
    if measured is None and kind in ("add", "take-up", "move", "resize", "redraw"):
        measured = make_finding(50 + number)
    return Entry(
        number=number,
        at=f"2026-01-01T00:00:{number % 60:02d}+00:00",
        who=who,
        role="reader",
        kind=kind,
        finding=finding,
        data=parse_data(kind, data),
        measured=None
        if measured is None
        else Measured(finding=measured, outline=EMPTY_MASK, outlined_by="segmentation"),
        software="0",
        weights={},
    )
