"""What makes a run's two probabilities honest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from nodulus.app.chain.log_odds import log_odds
from nodulus.app.chain.recalibration import recalibrated
from nodulus.app.evaluation.chain_report import candidate_scores
from nodulus.app.evaluation.detection_performance import malignancy_scores
from nodulus.app.evaluation.match_results import MatchedScan, with_probabilities
from nodulus.app.evaluation.metrics.platt import fit_platt
from nodulus.app.evaluation.metrics.temperature import fit_temperature
from nodulus.app.result import OperatingPoint

Method = Literal["none", "temperature", "platt"]


class Scales(TypedDict):
    """What an operating point holds of a recalibration."""

    temperature: float
    offset: float


@dataclass(frozen=True)
class Recalibration:
    """See :func:`nodulus.app.chain.recalibration.recalibrated`.

    Args:
        temperature: above 0.
        offset: in log odds.
        words: what it was fitted on; empty for none.
    """

    temperature: float = 1.0
    offset: float = 0.0
    words: str = ""

    def __call__(self, probability: float) -> float:
        """Move one probability."""
        return float(recalibrated(probability, self.temperature, self.offset))

    def after(self, point: OperatingPoint) -> Scales:
        """What an operating point holds when this follows its own recalibration."""
        return Scales(
            temperature=_rounded(point.temperature * self.temperature),
            offset=_rounded(point.offset / self.temperature + self.offset),
        )


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def nodule_recalibration(scans: Sequence[MatchedScan], method: Method) -> Recalibration:
    """Fitted on all classified candidates.

    Raises:
        ValueError: not both candidates on nodules and on nothing.
    """
    scores, truth = candidate_scores(scans)
    return _fit(method, scores, truth, "candidates")


def malignancy_recalibration(scans: Sequence[MatchedScan], method: Method) -> Recalibration:
    """Fitted on the found nodules that are rated.

    Raises:
        ValueError: not both malignant and benign ones.
    """
    malignant, benign = malignancy_scores(scans)
    scores = [*malignant, *benign]
    return _fit(method, scores, np.arange(len(scores)) < len(malignant), "rated findings")


def _fit(method: Method, scores: ArrayLike, truth: ArrayLike, items: str) -> Recalibration:
    if method == "none":
        return Recalibration()
    logits = log_odds(scores)
    temperature, offset = fit_temperature(logits, truth), 0.0
    if method == "platt":
        temperature, offset = fit_platt(logits, truth)
    return Recalibration(temperature, offset, f"; {method} scaling from {len(logits)} {items}")


def recalibrate(
    scans: Sequence[MatchedScan], nodule: Recalibration, malignancy: Recalibration
) -> tuple[MatchedScan, ...]:
    """The scans with their probabilities moved; what was kept stays kept."""
    return tuple(_recalibrate(scan, nodule, malignancy) for scan in scans)


def _recalibrate(
    scan: MatchedScan, nodule: Recalibration, malignancy: Recalibration
) -> MatchedScan:
    return with_probabilities(
        scan,
        [
            None if c.nodule_probability is None else nodule(c.nodule_probability)
            for c in scan.result.candidates
        ],
        [malignancy(f.malignancy_probability) for f in scan.result.findings],
    )
