"""Stratified splits are better balanced than plain ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.data.tables import Nodule
from nodulus.bundles.common.splits import Side, draw_split
from nodulus.bundles.common.stratification import (
    FEATURES,
    balance,
    choose_patients,
    imbalance,
    patient_features,
)


def nodule(diameter=5.0, malignancy=None):
    return Nodule("s", (0.0, 0.0, 0.0), diameter, 1, malignancy)


def cohort(patients=60, seed=0):
    """Nodules as uneven as in LUNA16: many patients with none, few large or malignant ones."""
    rng = np.random.default_rng(seed)
    studies = []
    for p in range(patients):
        nodules = tuple(
            nodule(
                float(np.clip(rng.lognormal(2.0, 0.5), 3.5, 32.0)),
                [None, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0][rng.integers(7)],
            )
            for _ in range(rng.poisson(1.3))
        )
        studies += [Study(f"s{p}-{k}", f"p{p}", Path("x"), None, nodules) for k in range(1 + p % 2)]
    return studies


def plain(studies, fraction, seed):
    patients = sorted({s.patient_id for s in studies})
    order = np.random.default_rng(seed).permutation(patients)
    chosen = set(order[: round(fraction * len(patients))])
    return {p: Side.VALIDATION if p in chosen else Side.TRAINING for p in patients}


def unevenness(studies, sides):
    grouped = {side: [s for s in studies if sides[s.patient_id] is side] for side in Side}
    return balance({side.value: group for side, group in grouped.items()})["validation"]


def test_features_count_what_they_say():
    nodules = (nodule(5.9, 2.0), nodule(6.0, 3.0), nodule(8.0, 4.0), nodule(15.0))
    found = patient_features([Study("s", "p", Path("x"), None, nodules)])
    named = dict(zip(FEATURES, found, strict=True))
    assert named == {
        **dict.fromkeys(FEATURES, 0),
        **dict.fromkeys(["scans", "4 or more nodules"], 1),
        **dict.fromkeys(["under 6 mm", "6 to 8 mm", "8 to 15 mm", "15 mm and more"], 1),
        **dict.fromkeys(["rated benign", "rated undecided", "rated malignant", "not rated"], 1),
        "nodules": 4,
    }


def test_features_add_up_over_the_scans_of_a_patient():
    first = (nodule(4.0, 1.0), nodule(5.0, 2.5), nodule(30.0, 5.0))
    second = (nodule(5.5, 2.9), nodule(15.0, 3.1), nodule(7.9), nodule(7.0))
    studies = [Study(s, "p", Path("x"), None, own) for s, own in (("a", first), ("b", second))]
    named = dict(zip(FEATURES, patient_features(studies), strict=True))
    assert (named["scans"], named["nodules"]) == (2, 7)
    assert (named["under 6 mm"], named["6 to 8 mm"], named["15 mm and more"]) == (3, 2, 2)
    assert (named["rated benign"], named["rated malignant"], named["not rated"]) == (3, 2, 2)
    assert named["rated undecided"] == named["8 to 15 mm"] == 0


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 9])
def test_one_class_of_the_number_of_nodules_is_set(count):
    study = Study("s", "p", Path("x"), None, (nodule(),) * count)
    classes = patient_features([study])[2:6]
    assert classes.tolist() == [count == 0, count == 1, count in (2, 3), count >= 4]


def test_a_plain_choice_has_an_imbalance_of_about_one():
    features = np.stack([patient_features([s]) for s in cohort(200)])
    rng = np.random.default_rng(0)
    drawn = [imbalance(features, rng.permutation(len(features)) < 40) for _ in range(200)]
    assert np.sqrt(np.mean(np.square(drawn))) == pytest.approx(1.0, abs=0.1)


def test_a_perfect_choice_has_none():
    features = np.tile([[1.0, 0.0], [3.0, 2.0]], (4, 1))
    assert imbalance(features, np.arange(8) < 4) == 0.0
    assert imbalance(features, np.arange(8) % 2 == 0) > 1.0
    assert imbalance(features, np.zeros(8, bool)) == 0.0


@pytest.mark.parametrize("patients", [30, 120])
def test_the_stratified_draw_is_better_balanced_than_a_plain_one(patients):
    studies = cohort(patients)
    stratified = [unevenness(studies, draw_split(studies, 0.2, seed)) for seed in range(12)]
    unstratified = [unevenness(studies, plain(studies, 0.2, seed)) for seed in range(60)]
    assert np.mean(stratified) < 0.6 * np.mean(unstratified)
    assert max(stratified) < np.median(unstratified)


def test_exactly_as_many_are_chosen_as_asked_for():
    features = np.stack([patient_features([s]) for s in cohort(31)])
    for count in (1, 7, len(features) - 1):
        assert choose_patients(features, count, np.random.default_rng(count)).sum() == count
