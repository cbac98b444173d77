"""A signed-off review as tables: marks in LUNA16's form, and every finding with its decision."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from nodulus.app.result import StudyResult
from nodulus.app.results.luna16_marks import Mark, encode_marks
from nodulus.app.review.review_state import ReviewedFinding, ReviewedStudy, ReviewState

COLUMNS = (
    "seriesuid", "finding", "source", "decision", "reason", "reason_text", "comment", "changed",
    "decided_by", "coordX", "coordY", "coordZ", "nodule_probability", "malignancy_probability",
    "malignancy_rating", "long_axis_mm", "short_axis_mm", "volume_mm3", "mean_hu", "texture",
    "laterality", "lobe", "outlined_by",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\n")


def reviewed_marks(result: StudyResult, state: ReviewState) -> Iterator[Mark]:
    """Give the reader's marks: 1 for a nodule, the chain's probability where the reader is unsure.

    What was rejected has no mark.

    Args:
        result: of the chain.
        state: of the review.
    """
    for finding in state.findings:
        if finding.decision == "rejected":
            continue
        sure = finding.decision == "accepted"
        probability = 1.0 if sure else finding.finding.nodule_probability
        yield Mark(result.series_uid, finding.finding.center_lps_mm, probability)


def encode_reviewed_marks(result: StudyResult, state: ReviewState) -> bytes:
    """Give ``marks.csv``."""
    return encode_marks(reviewed_marks(result, state)).encode()


def encode_findings(studies: Iterable[ReviewedStudy]) -> bytes:
    """Give ``findings.csv``: one row a finding; coordinates are LPS mm.

    Args:
        studies: each result with its state.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result, state in studies:
        writer.writerows(_row(result, finding) for finding in state.findings)
    return stream.getvalue().encode()


def _row(result: StudyResult, reviewed: ReviewedFinding) -> Sequence[object]:
    f, rejection = reviewed.finding, reviewed.rejection
    return (
        result.series_uid,
        reviewed.id,
        reviewed.source,
        reviewed.decision or "",
        "" if rejection is None else rejection.reason,
        _text("" if rejection is None else rejection.text),
        _text(reviewed.comment),
        " ".join(reviewed.changed),
        _text(reviewed.decided_by or ""),
        *(f"{value:.4f}" for value in f.center_lps_mm),
        f"{f.nodule_probability:.6f}",
        f"{f.malignancy_probability:.6f}",
        "" if reviewed.malignancy is None else reviewed.malignancy,
        f"{f.longest_diameter_mm:.2f}",
        f"{f.perpendicular_diameter_mm:.2f}",
        f"{f.volume_mm3:.1f}",
        f"{f.mean_hu:.1f}",
        reviewed.texture or "",
        f.laterality or "",
        f.lobe or "",
        reviewed.outlined_by,
    )


def _text(value: str) -> str:
    """Free text that no spreadsheet takes for a formula, or for the end of a row."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")  # csv does not quote for a CR alone
    return f"'{value}" if value.startswith(_FORMULA) else value
