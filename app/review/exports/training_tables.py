"""Signed-off reviews as the tables that ``nodulus prepare folder`` reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nodulus.app.result import StudyResult
from nodulus.app.review.review_state import ReviewedFinding, ReviewedStudy

PLACE = ("seriesuid", "coordX", "coordY", "coordZ")


@dataclass(frozen=True)
class TrainingTables:
    """What was decided, in LUNA16's form.

    Args:
        nodules: ``seriesuid,coordX,coordY,coordZ,diameter_mm,malignancy``: what readers accepted or
            added; LPS mm, the diameter of a ball of the outline's volume, the rating (1 to 5) where
            there is one.
        candidates: ``seriesuid,coordX,coordY,coordZ,class``: 1 for a nodule, 0 for what was
            rejected.
        series: one a line: scans in which every nodule is marked.
        unsure: signed-off studies that are left out, as a finding in them is neither.
    """

    nodules: bytes
    candidates: bytes
    series: bytes
    unsure: int


def training_tables(studies: Iterable[ReviewedStudy]) -> TrainingTables:
    """Make the tables of the signed-off studies.

    Training takes what no row names for background. A study with a finding of which the reader was
    unsure is therefore left out as a whole.

    Args:
        studies: each result with its state; those that are not signed off are passed over.
    """
    signed = [study for study in studies if study[1].signed_off is not None]
    certain = [(r, s) for r, s in signed if all(f.decision != "unsure" for f in s.findings)]
    nodules, candidates = [], []
    for result, state in certain:
        for finding in state.findings:
            place = _place(result, finding)
            accepted = finding.decision == "accepted"
            candidates.append((*place, int(accepted)))
            if accepted:
                diameter = f"{finding.finding.equivalent_diameter_mm:.2f}"
                nodules.append((*place, diameter, finding.malignancy or ""))
    uids = sorted({result.series_uid for result, _ in certain})
    return TrainingTables(
        _csv((*PLACE, "diameter_mm", "malignancy"), nodules),
        _csv((*PLACE, "class"), candidates),
        "".join(f"{uid}\n" for uid in uids).encode(),
        len(signed) - len(certain),
    )


def _place(result: StudyResult, finding: ReviewedFinding) -> tuple[str, ...]:
    return (result.series_uid, *(f"{value:.4f}" for value in finding.finding.center_lps_mm))


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue().encode()
