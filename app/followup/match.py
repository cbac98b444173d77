"""One-to-one matching of the nodules of two scans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from nodulus.app.followup.matching_rule import MatchingRule, shipped_matching_rule
from nodulus.app.result import Finding


@dataclass(frozen=True)
class NodulePair:
    """One nodule on both scans.

    Args:
        prior: index of the finding on the prior scan.
        current: index of the finding on the current one.
        distance_mm: between them, once the scans are registered.
        ambiguous: another match costs hardly more: a reader decides.
    """

    prior: int
    current: int
    distance_mm: float
    ambiguous: bool


@dataclass(frozen=True)
class Matching:
    """The nodules of two scans put together.

    Args:
        pairs: seen on both.
        only_prior: indices of findings of the prior scan without one on the current.
        only_current: indices of findings of the current scan without one on the prior.
    """

    pairs: tuple[NodulePair, ...]
    only_prior: tuple[int, ...]
    only_current: tuple[int, ...]


def match_findings(
    prior: tuple[Finding, ...],
    current: tuple[Finding, ...],
    current_in_prior_lps_mm: NDArray[np.float64],
    rule: MatchingRule | None = None,
    prior_in_current_lps_mm: NDArray[np.float64] | None = None,
) -> Matching:
    """Match nodules by place, size and texture, each at most once, at the lowest total cost.

    The assignment is solved exactly (Kuhn-Munkres); leaving a nodule alone has a cost of its own,
    so that a poor match is none.

    Args:
        prior: findings of the earlier scan.
        current: findings of the later one.
        current_in_prior_lps_mm: centres of ``current`` in the prior scan, shape (n, 3) in LPS mm.
        rule: reach and costs; None for the shipped one.
        prior_in_current_lps_mm: centres of ``prior`` in the current scan, shape (n, 3) in LPS mm,
            NaN where they were not looked for; a distance is then the shorter one of both ways, for
            the surroundings of a nodule may be found from one scan alone.
    """
    rule = rule or shipped_matching_rule()
    if not prior or not current:
        return Matching((), tuple(range(len(prior))), tuple(range(len(current))))
    centres = np.asarray([one.center_lps_mm for one in prior], dtype=np.float64)
    distance = np.linalg.norm(centres[:, None] - current_in_prior_lps_mm[None], axis=-1)
    if prior_in_current_lps_mm is not None:
        there = np.asarray([one.center_lps_mm for one in current], dtype=np.float64)
        back = np.linalg.norm(prior_in_current_lps_mm[:, None] - there[None], axis=-1)
        distance = np.fmin(distance, back)
    cost = _costs(prior, current, distance, rule)
    rows, columns = _assign(cost, rule.unmatched_cost)
    best = _total(cost, rows, columns, rule.unmatched_cost)
    pairs = tuple(
        NodulePair(
            int(row),
            int(column),
            float(distance[row, column]),
            _ambiguous(cost, int(row), int(column), best, rule),
        )
        for row, column in zip(rows, columns, strict=True)
    )
    return Matching(
        pairs,
        tuple(sorted(set(range(len(prior))) - {pair.prior for pair in pairs})),
        tuple(sorted(set(range(len(current))) - {pair.current for pair in pairs})),
    )


def _costs(
    prior: tuple[Finding, ...],
    current: tuple[Finding, ...],
    distance: NDArray[np.float64],
    rule: MatchingRule,
) -> NDArray[np.float64]:
    """Cost of each pair, shape (prior, current); infinite out of reach."""
    volumes = [
        np.log([max(one.volume_mm3, 1.0) for one in findings]) for findings in (prior, current)
    ]
    size = np.abs(volumes[0][:, None] - volumes[1][None])
    texture = np.asarray(
        [[one.texture != other.texture for other in current] for one in prior], dtype=np.float64
    )
    cost = distance / rule.typical_mm + size / 2.0 + rule.texture_cost * texture
    return np.where(distance <= rule.reach_mm, cost, np.inf)


def _assign(cost: NDArray[np.float64], alone: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the cheapest assignment in which any nodule may stay alone."""
    prior, current = cost.shape
    size = prior + current
    whole = np.full((size, size), 0.0)
    # Out of reach costs more than leaving both alone.
    whole[:prior, :current] = np.minimum(cost, 4 * alone)
    whole[:prior, current:] = alone / 2
    whole[prior:, :current] = alone / 2
    rows, columns = linear_sum_assignment(whole)
    real = (rows < prior) & (columns < current)
    return rows[real], columns[real]


def _total(
    cost: NDArray[np.float64], rows: NDArray[np.intp], columns: NDArray[np.intp], alone: float
) -> float:
    unmatched = int(cost.shape[0] + cost.shape[1]) - 2 * len(rows)
    return float(cost[rows, columns].sum()) + unmatched * alone / 2


def _ambiguous(
    cost: NDArray[np.float64], row: int, column: int, best: float, rule: MatchingRule
) -> bool:
    """Whether the nodules could be put together otherwise at hardly more cost.

    Leaving the two alone does not count: that is no other match.
    """
    without = cost.copy()
    without[row, column] = np.inf
    rows, columns = _assign(without, rule.unmatched_cost)
    touched = bool(np.any(rows == row) or np.any(columns == column))
    more = _total(without, rows, columns, rule.unmatched_cost) - best
    return touched and more < rule.ambiguous_margin
