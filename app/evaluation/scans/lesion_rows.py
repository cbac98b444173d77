"""What became of each known lesion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nodulus.app.evaluation.match_results import MatchedScan, match_results
from nodulus.app.evaluation.scans.lesion_outlines import LesionOutline
from nodulus.app.evaluation.scans.run_scans import ScanResult
from nodulus.app.evaluation.scans.scan_table import ScanRow
from nodulus.bundles.common.data.tables import Nodule
from nodulus.bundles.common.hit_rule import hit_distances_mm
from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm

MASS_MM = 30.0
"""A larger lesion is a mass (Hansell et al., Fleischner Society: glossary, Radiology 2008)."""


@dataclass(frozen=True, eq=False)
class ScanOfKnown:
    """One scan with its truth.

    Args:
        facts: of its row.
        match: its candidates and findings against its lesions.
        outlines: of the lesions that have a mask.
        learnt_from: networks that learnt from the patient.
    """

    facts: ScanRow
    match: MatchedScan
    outlines: tuple[LesionOutline, ...]
    learnt_from: tuple[str, ...] = ()


@dataclass(frozen=True)
class LesionRow:
    """One lesion.

    Args:
        series_uid: of its scan.
        diameter_mm: of the truth.
        is_complete: whether all lesions of the scan are marked.
        seen: whether a candidate lies on it.
        probability: the highest nodule probability of a candidate on it; 0 without one.
        finding_id: the first finding on it, which is its rank in the scan; None where missed.
        findings: how many lie on it; more than one are pieces of it.
        largest_diameter_mm: of the findings on it, that of a ball of the same volume.
        dice: of the finding that covers most of it; None without a mask.
        relative_volume_error: of the same.
        learnt_from: networks that learnt from the patient.
    """

    series_uid: str
    diameter_mm: float
    is_complete: bool
    seen: bool
    probability: float
    finding_id: int | None
    findings: int
    largest_diameter_mm: float
    dice: float | None
    relative_volume_error: float | None
    learnt_from: str

    @property
    def is_mass(self) -> bool:
        """Whether it is larger than a nodule."""
        return self.diameter_mm >= MASS_MM

    @property
    def is_one_finding(self) -> bool:
        """Whether exactly one finding lies on it, of at least half its diameter."""
        return self.findings == 1 and self.largest_diameter_mm >= self.diameter_mm / 2


def match_known(
    scan: ScanResult,
    facts: ScanRow,
    lesions: Sequence[Nodule],
    learnt_from: tuple[str, ...] = (),
) -> ScanOfKnown:
    """Put one scan beside what is known of it.

    Args:
        scan: as it was analysed.
        facts: of its row.
        lesions: of all scans.
        learnt_from: networks that learnt from the patient.
    """
    (match,) = match_results([scan.result], lesions)
    return ScanOfKnown(facts, match, scan.outlines, learnt_from)


def outlined_lesions(scan: ScanResult) -> list[Nodule]:
    """The lesions of a scan of which nothing is known but their masks."""
    return [
        Nodule(
            scan.result.series_uid,
            one.center_lps_mm,
            equivalent_diameter_mm(one.true_volume_mm3),
            label=one.label,
        )
        for one in scan.outlines
    ]


def _outline_of(lesion: Nodule, outlines: Sequence[LesionOutline]) -> LesionOutline | None:
    """The mask of a lesion: by its label, else the nearest one whose centre lies in it."""
    if lesion.label is not None:
        return next((one for one in outlines if one.label == lesion.label), None)
    centers = [one.center_lps_mm for one in outlines]
    if not centers:
        return None
    away = hit_distances_mm([lesion.center_lps_mm], centers, _sizes(lesion, outlines))[0]
    return outlines[int(away.argmin())] if np.isfinite(away).any() else None


def _sizes(lesion: Nodule, outlines: Sequence[LesionOutline]) -> list[float]:
    return [
        max(lesion.diameter_mm, equivalent_diameter_mm(one.true_volume_mm3)) for one in outlines
    ]


def lesion_rows(scans: Iterable[ScanOfKnown]) -> list[LesionRow]:
    """One row a lesion, in the order of the scans."""
    return [row for scan in scans for row in _rows(scan)]


def _rows(scan: ScanOfKnown) -> list[LesionRow]:
    findings, found = scan.match.result.findings, scan.match.candidates.found
    rows = []
    for n, lesion in enumerate(scan.match.nodules):
        own = [f for f, hit in zip(findings, scan.match.findings.hit, strict=True) if hit == n]
        outline = _outline_of(lesion, scan.outlines)
        rows.append(
            LesionRow(
                series_uid=lesion.series_uid,
                diameter_mm=lesion.diameter_mm,
                is_complete=scan.facts.is_complete,
                seen=bool(np.isfinite(found[n])),
                probability=float(np.nan_to_num(found[n])),
                finding_id=min((f.id for f in own), default=None),
                findings=len(own),
                largest_diameter_mm=max((f.equivalent_diameter_mm for f in own), default=0.0),
                dice=None if outline is None else outline.dice,
                relative_volume_error=None if outline is None else outline.relative_volume_error,
                learnt_from=" ".join(scan.learnt_from),
            )
        )
    return rows
