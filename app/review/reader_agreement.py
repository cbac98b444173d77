"""How far two readers who did not see each other agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nodulus.app.evaluation.metrics.estimate import Estimate, proportion
from nodulus.app.review.double_reading import FirstReads, added, matched
from nodulus.app.review.review_state import Decision, Difference

DECISIONS: tuple[Decision, ...] = get_args(Decision)
_SAMPLES = 1000

Counts = NDArray[np.int64]
"""Shape (3, 3): findings by the first reader's decision and the second one's."""


@dataclass(frozen=True)
class ReaderAgreement:
    """Two readers of the same studies.

    Args:
        studies: read by both and adjudicated.
        findings: of the chain in them.
        decisions: how many of the chain's findings, by the first reader's decision and the
            second one's.
        kappa: Cohen's, unweighted, of the decisions on the chain's findings; None where it is not
            defined, as both decided alike and always in one way.
        kappa_interval: of 95 %, percentiles of 1,000 bootstrap samples of studies; None of fewer
            than two studies, or where most samples have no kappa.
        added: nodules that a reader added or took up.
        added_by_both: of these.
        share_added_by_both: with Wilson's interval; None where nothing was added.
        differences: findings on which the two differ, by what they differ in.
    """

    studies: int
    findings: int
    decisions: Mapping[Decision, Mapping[Decision, int]]
    kappa: float | None
    kappa_interval: tuple[float, float] | None
    added: int
    added_by_both: int
    share_added_by_both: Estimate | None
    differences: Mapping[Difference, int]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def reader_agreement(studies: Sequence[FirstReads]) -> ReaderAgreement:
    """Compare two readers.

    Args:
        studies: both readings of each.
    """
    tables = np.stack([_no_counts(), *(_counts(study) for study in studies)])
    total = tables.sum(axis=0)
    pairs = [pair for s in studies for pair in matched(added(s.states[0]), added(s.states[1]))]
    by_both = sum(a is not None and b is not None for a, b in pairs)
    differ = Counter(d for s in studies for told in s.start.differ.values() for d in told)
    return ReaderAgreement(
        studies=len(studies),
        findings=int(total.sum()),
        decisions={
            a: {b: int(total[i, j]) for j, b in enumerate(DECISIONS)}
            for i, a in enumerate(DECISIONS)
        },
        kappa=cohen_kappa(total),
        kappa_interval=_interval(tables[1:]),
        added=len(pairs),
        added_by_both=by_both,
        share_added_by_both=proportion(by_both, len(pairs)),
        differences={name: differ[name] for name in get_args(Difference)},
    )


def by_readers(studies: Iterable[FirstReads]) -> Mapping[str, ReaderAgreement]:
    """Compare each two readers apart, whichever of them began.

    Args:
        studies: both readings of each.

    Returns:
        By the two names in alphabetical order, such as ``Doe^Jane and Roe^Rob``; the first of them
        counts as the first reader.
    """
    groups: dict[str, list[FirstReads]] = defaultdict(list)
    for study in studies:
        groups[" and ".join(sorted(study.names))].append(_in_order(study))
    return {name: reader_agreement(groups[name]) for name in sorted(groups)}


def cohen_kappa(table: ArrayLike) -> float | None:
    """Cohen's kappa of a table of counts; None where chance alone gives full agreement.

    Cohen, Educational and Psychological Measurement 1960, 20(1):37-46.

    Args:
        table: shape (k, k), counts by the category that one chose and that the other chose.
    """
    counts = np.asarray(table, np.float64)
    if counts.sum() == 0:
        return None
    shares = counts / counts.sum()
    observed = float(np.trace(shares))
    expected = float(shares.sum(axis=1) @ shares.sum(axis=0))
    return None if expected >= 1 - 1e-12 else (observed - expected) / (1 - expected)


def _in_order(study: FirstReads) -> FirstReads:
    if study.names[0] <= study.names[1]:
        return study
    return FirstReads(study.names[::-1], study.states[::-1], study.start)


def _no_counts() -> Counts:
    return np.zeros((len(DECISIONS), len(DECISIONS)), np.int64)


def _counts(study: FirstReads) -> Counts:
    """Of the chain's findings; both readers have decided on each, or could not have signed."""
    one, two = study.states
    counts = _no_counts()
    for finding in one.findings:
        other = two.finding(finding.id) if finding.source == "chain" else None
        if other is not None and finding.decision is not None and other.decision is not None:
            counts[DECISIONS.index(finding.decision), DECISIONS.index(other.decision)] += 1
    return counts


def _interval(tables: NDArray[np.int64]) -> tuple[float, float] | None:
    """Studies are drawn, for findings of one study hang together."""
    if len(tables) < 2:
        return None
    drawn = np.random.default_rng(0).integers(len(tables), size=(_SAMPLES, len(tables)))
    samples = [cohen_kappa(tables[chosen].sum(axis=0)) for chosen in drawn]
    known = [kappa for kappa in samples if kappa is not None]
    if len(known) <= _SAMPLES / 2:
        return None
    lower, upper = np.quantile(known, [0.025, 0.975])
    return float(lower), float(upper)
