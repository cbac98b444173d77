"""Temperatures of a run's two probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from app.chain.temperature import tempered
from app.evaluation.chain_report import candidate_scores
from app.evaluation.matched import MatchedScan, match_results
from app.evaluation.table import malignancy_scores
from bundles.common.metrics.temperature import fit_temperature

_SUREST = 1e-6


def _logits(probabilities: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(logit(np.clip(probabilities, _SUREST, 1 - _SUREST)), dtype=np.float64)


def nodule_temperature(scans: Sequence[MatchedScan]) -> tuple[float, str]:
    """Fitted on all classified candidates; and on what, in words.

    Raises:
        ValueError: not both candidates on nodules and on nothing.
    """
    scores, truth = candidate_scores(scans)
    return fit_temperature(_logits(scores), truth), f"{len(scores)} candidates"


def malignancy_temperature(scans: Sequence[MatchedScan]) -> tuple[float, str]:
    """Fitted on the found nodules that are rated; and on what, in words.

    Raises:
        ValueError: not both malignant and benign ones.
    """
    malignant, benign = malignancy_scores(scans)
    scores = [*malignant, *benign]
    truth = np.arange(len(scores)) < len(malignant)
    return fit_temperature(_logits(scores), truth), f"{len(scores)} rated findings"


def at_temperatures(
    scans: Sequence[MatchedScan], nodule: float, malignancy: float
) -> tuple[MatchedScan, ...]:
    """The scans with their probabilities at other temperatures; what was kept stays kept."""
    return tuple(_at(scan, nodule, malignancy) for scan in scans)


def _at(scan: MatchedScan, nodule: float, malignancy: float) -> MatchedScan:
    def changed(probability: float, temperature: float) -> float:
        return float(tempered(probability, temperature))

    result = scan.result.model_copy(
        update={
            "candidates": tuple(
                c
                if c.nodule_probability is None
                else c.model_copy(
                    update={"nodule_probability": changed(c.nodule_probability, nodule)}
                )
                for c in scan.result.candidates
            ),
            "findings": tuple(
                f.model_copy(
                    update={
                        "nodule_probability": changed(f.nodule_probability, nodule),
                        "malignancy_probability": changed(f.malignancy_probability, malignancy),
                    }
                )
                for f in scan.result.findings
            ),
        }
    )
    return match_results([result], scan.nodules, scan.excluded)[0]
