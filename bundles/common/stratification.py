"""How evenly a split shares out nodules, and a draw that shares them out evenly.

What should be even: scans, nodules, patients by their number of nodules, nodules by size and by
malignancy. Each is a number a patient has; a side's sum of it should be the side's share of the
patients. The draw is systematic (every n-th of the patients in the order of what they have) and
the best of several (Morgan and Rubin, Rerandomization to improve covariate balance in
experiments, Annals of Statistics 40(2), 2012).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nodulus.bundles.common.data.studies import Study

COUNT_EDGES = (1, 2, 4)
"""Patients with no, one, two or three, and more nodules."""

SIZE_EDGES_MM = (6.0, 8.0, 15.0)
"""Fleischner's limits of 6 and 8 mm (MacMahon et al., Radiology 284, 2017), and 15 mm."""

DRAWS = 64
"""How many systematic draws there are to choose from."""

FEATURES = (
    "scans",
    "nodules",
    "no nodule",
    "1 nodule",
    "2 or 3 nodules",
    "4 or more nodules",
    "under 6 mm",
    "6 to 8 mm",
    "8 to 15 mm",
    "15 mm and more",
    "rated benign",
    "rated undecided",
    "rated malignant",
    "not rated",
)
"""The columns of :func:`patient_features`."""

FloatArray = NDArray[np.float64]


def by_patient(studies: Sequence[Study]) -> dict[str, list[Study]]:
    """The studies of each patient, patients in the order of their IDs."""
    grouped: dict[str, list[Study]] = {}
    for study in sorted(studies, key=lambda s: (s.patient_id, s.series_uid)):
        grouped.setdefault(study.patient_id, []).append(study)
    return grouped


def patient_features(studies: Sequence[Study]) -> FloatArray:
    """What one patient has of each of :data:`FEATURES`, shape (14,)."""
    nodules = [nodule for study in studies for nodule in study.nodules]
    counts = np.zeros(len(FEATURES))
    counts[0], counts[1] = len(studies), len(nodules)
    counts[2 + int(np.digitize(len(nodules), COUNT_EDGES))] = 1
    for nodule in nodules:
        counts[6 + int(np.digitize(nodule.diameter_mm, SIZE_EDGES_MM))] += 1
        rating = nodule.malignancy
        counts[13 if rating is None else 10 + (rating >= 3) + (rating > 3)] += 1
    return counts


def imbalance(features: FloatArray, chosen: NDArray[np.bool_]) -> float:
    """How unevenly the chosen patients share in the features.

    The root mean square, over features that differ between patients, of the difference between
    the chosen ones' sum and what it would be if all were alike, in standard deviations of a plain
    random choice of as many patients. So 1 is what a plain choice gives, 0 is perfect.

    Args:
        features: shape (patients, features).
        chosen: shape (patients,).
    """
    total, count = len(features), int(chosen.sum())
    varied = features[:, features.std(axis=0) > 0]
    if not 0 < count < total or varied.shape[1] == 0:
        return 0.0
    off = varied[chosen].sum(axis=0) - count * varied.mean(axis=0)
    variance = count * (total - count) / total * varied.var(axis=0, ddof=1)
    return float(np.sqrt(np.mean(off**2 / variance)))


def balance(sides: Mapping[str, Sequence[Study]]) -> dict[str, float]:
    """The :func:`imbalance` of each side that has patients against all of them together."""
    studies = [study for side in sides.values() for study in side]
    patients = by_patient(studies)
    features = np.stack([patient_features(group) for group in patients.values()])
    result = {}
    for name, side in sides.items():
        members = {study.patient_id for study in side}
        if members:
            result[name] = imbalance(features, np.array([p in members for p in patients]))
    return result


def choose_patients(
    features: FloatArray, count: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Choose patients so that they share evenly in the features.

    Args:
        features: shape (patients, features).
        count: how many patients.
        rng: random state.

    Returns:
        Shape (patients,), true for the chosen ones.
    """
    total = len(features)
    best, least = np.zeros(total, dtype=bool), np.inf
    for _ in range(DRAWS):
        order = _ordered(features, rng)
        ticks = np.floor((np.arange(total) + 1) * count / max(total, 1) + rng.random())
        chosen = np.zeros(total, dtype=bool)
        chosen[order[np.diff(ticks, prepend=0.0) > 0]] = True
        off = imbalance(features, chosen)
        if off < least:
            best, least = chosen, off
    return best


def _ordered(features: FloatArray, rng: np.random.Generator) -> NDArray[np.intp]:
    """Patients who are alike beside each other: by malignancy, size and count, in random order."""
    largest = np.where(features[:, 6:10] > 0, np.arange(4), -1).max(axis=1)
    worst = np.where(features[:, 10:13] > 0, np.arange(3), -1).max(axis=1)
    keys = [worst, largest, features[:, 1]]
    ranked = [keys[k] for k in rng.permutation(len(keys))]
    return np.lexsort([rng.random(len(features)), *ranked])
