"""Counts and summaries of a data set."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from nodulus.app.data.eda.tallies import (
    count,
    count_fact,
    count_sizes,
    malignancy_by_size,
    spacing,
    summarise,
)
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.data.tables import ExcludedFinding, LabelledCandidate


def test_count(make_study, make_nodule):
    place = (0.0, 0.0, 0.0)
    candidates = (
        LabelledCandidate("1", place, True),
        LabelledCandidate("1", place, False),
        LabelledCandidate("1", place, False),
        LabelledCandidate("1", place, True, 0.9),
        LabelledCandidate("1", place, False, 0.8),
    )
    excluded = (ExcludedFinding("1", place),)
    studies = [
        make_study(make_nodule(), make_nodule(), patient="A", candidates=candidates),
        make_study(uid="2", patient="A", excluded=excluded),
        make_study(make_nodule(), uid="3", patient="B"),
    ]
    counts = count(studies)
    assert (counts.scans, counts.patients, counts.nodules) == (3, 2, 3)
    assert (counts.scans_without_nodule, counts.scans_with_mask, counts.excluded) == (1, 0, 1)
    assert counts.candidates == (1, 2)
    assert counts.segmentation_candidates == (1, 1)


def test_summarise():
    summary = summarise([4.0, 1.0, 2.0, 3.0, 5.0])
    assert vars(summary) == {
        "count": 5, "lowest": 1, "lower_quartile": 2, "median": 3, "upper_quartile": 4,
        "highest": 5,
    }  # fmt: skip
    assert summarise([]) is None


def test_sizes_at_the_edges(make_nodule):
    nodules = [
        make_nodule(diameter=diameter, malignancy=rating)
        for diameter, rating in [(5.9, 2.5), (6.0, 3.0), (7.9, 3.5), (8.0, None), (15.0, 5.0)]
    ]
    table = count_sizes(nodules)
    filled = {(s, m): n for s, row in table.items() for m, n in row.items() if n}
    assert filled == {
        ("under 6 mm", "rated benign"): 1,
        ("6 to 8 mm", "rated undecided"): 1,
        ("6 to 8 mm", "rated malignant"): 1,
        ("8 to 15 mm", "not rated"): 1,
        ("15 mm and more", "rated malignant"): 1,
    }


def test_malignancy_by_size_agrees_with_the_rank_test(make_nodule):
    rng = np.random.default_rng(0)
    nodules = [
        make_nodule(diameter=d, malignancy=m)
        for d, m in zip(rng.choice(np.arange(4.0, 30.0), 60), rng.integers(1, 6, 60), strict=True)
    ]
    found = malignancy_by_size([*nodules, make_nodule(diameter=99.0)])
    malignant = [n.diameter_mm for n in nodules if n.malignancy > 3]
    benign = [n.diameter_mm for n in nodules if n.malignancy < 3]
    wanted = stats.mannwhitneyu(malignant, benign).statistic / len(malignant) / len(benign)
    assert (found.malignant, found.benign) == (len(malignant), len(benign))
    assert found.auc == pytest.approx(wanted)
    rank = stats.spearmanr([n.diameter_mm for n in nodules], [n.malignancy for n in nodules])
    assert found.rank_correlation == pytest.approx(rank.statistic)


def test_malignancy_of_one_class(make_nodule):
    found = malignancy_by_size([make_nodule(malignancy=4.0)] * 3)
    assert (found.malignant, found.benign, found.auc, found.rank_correlation) == (3, 0, None, None)


def test_spacing_of_the_table_then_of_the_image(make_study):
    own = SimpleNamespace(spacing_mm=(2.5, 0.6, 0.7))
    known = {"slice_spacing_mm": "1.25", "pixel_spacing_mm": "0.8"}
    assert spacing(make_study(facts=known), own) == (1.25, 0.8)
    assert spacing(make_study(), own) == (2.5, 0.7)
    assert spacing(make_study(), None) is None
    resampled = Study("1", "P", None, None, prepared=SimpleNamespace())
    assert spacing(resampled, own) is None


def test_facts_most_frequent_first(make_study):
    kernels = ["B", "A", "B", None]
    studies = [make_study(facts={"kernel": k} if k else {}) for k in kernels]
    assert count_fact(studies, "kernel") == {"B": 2, "A": 1}
    assert list(count_fact(studies, "kernel")) == ["B", "A"]
