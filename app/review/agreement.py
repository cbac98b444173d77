"""How far the chain and its readers agree, by the software and weights that analysed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nodulus.app.evaluation.metrics.delong import auc_interval
from nodulus.app.evaluation.metrics.estimate import Estimate, proportion
from nodulus.app.result import StudyResult
from nodulus.app.review.review_state import ReviewedFinding, ReviewedStudy

BENIGN, MALIGNANT = (1, 2), (4, 5)
"""Readers' ratings that count as either; LIDC-IDRI's 3 is indeterminate."""


@dataclass(frozen=True)
class Agreement:
    """The chain against the readers of signed-off studies.

    Args:
        studies: signed off.
        accepted: of the chain's findings.
        rejected: of the chain's findings.
        unsure: of the chain's findings.
        missed: nodules that the reader added or took up, and accepted.
        sensitivity: share of the accepted nodules that the chain had among its findings, with
            Wilson's interval of 95 %; None without any. A reader who trusts the chain misses what
            it misses: this is an upper bound.
        other_marks_a_scan: rejected findings a study; None without a study.
        malignancy_auc: of the chain's malignancy probability against the readers' ratings, 4 and 5
            against 1 and 2, with DeLong's interval; None where either is missing.
        rated: nodules that it rests on.
    """

    studies: int
    accepted: int
    rejected: int
    unsure: int
    missed: int
    sensitivity: Estimate | None
    other_marks_a_scan: float | None
    malignancy_auc: Estimate | None
    rated: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def agreement(studies: Iterable[ReviewedStudy]) -> Agreement:
    """Compare the chain with its readers.

    Args:
        studies: each result with its state; those that are not signed off are passed over.
    """
    signed = [state for _, state in studies if state.signed_off is not None]
    findings = [finding for state in signed for finding in state.findings]
    chain = [finding for finding in findings if finding.source == "chain"]
    accepted = sum(f.decision == "accepted" for f in chain)
    rejected = sum(f.decision == "rejected" for f in chain)
    missed = sum(f.source != "chain" and f.decision == "accepted" for f in findings)
    auc, rated = _malignancy(findings)
    return Agreement(
        len(signed),
        accepted,
        rejected,
        sum(f.decision == "unsure" for f in chain),
        missed,
        proportion(accepted, accepted + missed),
        rejected / len(signed) if signed else None,
        auc,
        rated,
    )


def by_version(studies: Iterable[ReviewedStudy]) -> Mapping[str, Agreement]:
    """Compare apart for each software, weights and operating point.

    Args:
        studies: as for `agreement`.

    Returns:
        By a name such as ``0.2.0, segmentation 0.3.0, nodule 0.5.0, malignancy 0.4.0, sensitive``.
    """
    return _grouped(studies, lambda result, _state: version_of(result))


def by_month(studies: Iterable[ReviewedStudy]) -> Mapping[str, Agreement]:
    """Compare apart for each month of sign-off, such as ``2026-11``: a drift shows there."""
    return _grouped(studies, lambda _r, state: state.signed_off.at[:7] if state.signed_off else "")


def version_of(result: StudyResult) -> str:
    """Name what analysed a study."""
    models = [f"{model.name} {model.version}" for model in result.models]
    points = [point.choice for point in result.operating_points if point.choice]
    return ", ".join([result.nodulus_version, *models, *points])


def _grouped(studies: Iterable[ReviewedStudy], name: Any) -> dict[str, Agreement]:
    groups: dict[str, list[ReviewedStudy]] = defaultdict(list)
    for result, state in studies:
        if state.signed_off is not None:
            groups[name(result, state)].append((result, state))
    return {key: agreement(groups[key]) for key in sorted(groups)}


def _malignancy(findings: Sequence[ReviewedFinding]) -> tuple[Estimate | None, int]:
    """Of the accepted; the network rated them before it knew the reader's opinion."""
    rated = [
        (finding.original.malignancy_probability, finding.malignancy in MALIGNANT)
        for finding in findings
        if finding.decision == "accepted" and finding.malignancy in (*BENIGN, *MALIGNANT)
    ]
    truths = {truth for _, truth in rated}
    if len(truths) < 2:
        return None, len(rated)
    return auc_interval([score for score, _ in rated], [truth for _, truth in rated]), len(rated)
