"""Entries of the classifiers' training: labels, shares and weights."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nodulus.bundles.common.data.entries import (
    Source,
    balanced_sampler,
    candidate_entries,
    hard_negatives,
    insertion_entries,
    known_entries,
    malignancy_entries,
    study_entries,
    study_sampler,
)
from nodulus.bundles.common.data.prepared import PreparedStudies
from nodulus.bundles.common.data.studies import Study, read_data_dir
from nodulus.bundles.common.data.tables import LabelledCandidate, Nodule


def study(nodules=(), candidates=()):
    return Study("s", "p", None, None, tuple(nodules), tuple(candidates))


def nodule(malignancy):
    return Nodule("s", (0, 0, 0), 5.0, 1, malignancy)


def test_a_rating_of_three_and_no_rating_are_left_out():
    ratings = [1, 2.5, 3, 3.5, 5, None]
    entries = malignancy_entries([study([nodule(r) for r in ratings])])
    assert [float(e["target"][0]) for e in entries] == [0, 0, 1, 1]


def test_false_alarms_join_the_negatives_only_when_asked_for():
    found = [
        LabelledCandidate("s", (1, 1, 1), False, 0.9),
        LabelledCandidate("s", (2, 2, 2), True, 0.9),
    ]
    listed = [LabelledCandidate("s", (3, 3, 3), False)]
    data = [study([nodule(2.0), nodule(4.0)], [*found, *listed])]
    assert len(malignancy_entries(data)) == 2
    entries = malignancy_entries(data, false_alarms=True)
    added = [e for e in entries if e["source"] == Source.SEGMENTATION.value]
    assert [(float(e["target"][0]), *e["point_lps_mm"]) for e in added] == [(0.0, 1.0, 1.0, 1.0)]
    assert len(entries) == 3


def test_half_of_the_draws_are_positive_and_sources_are_even():
    found = [LabelledCandidate("s", (1, 1, 1), False, 0.9)] * 3
    listed = [LabelledCandidate("s", (1, 1, 1), False)] * 97
    entries = candidate_entries([study([nodule(None)] * 5, [*found, *listed])])
    drawn = [entries[i] for i in balanced_sampler(entries, 4000, seed=0)]
    count = Counter((bool(e["target"][0]), e["source"]) for e in drawn)
    assert count[True, Source.NODULE.value] == pytest.approx(2000, rel=0.1)
    assert count[False, Source.SEGMENTATION.value] == pytest.approx(1000, rel=0.15)
    assert count[False, Source.CANDIDATE.value] == pytest.approx(1000, rel=0.15)


def test_folders_are_drawn_between_equally_often_and_by_their_size():
    studies = [
        Study("a", "p", None, None, tuple([nodule(None)] * 4), folder=Path("few")),
        Study("b", "q", None, None, tuple([nodule(None)] * 64), folder=Path("many")),
        Study("c", "r", None, None, (), (LabelledCandidate("c", (1, 1, 1), False),), Path("few")),
    ]
    entries = candidate_entries(studies)

    def share(exponent):
        drawn = balanced_sampler(entries, 8000, 0, studies, exponent)
        count = Counter((bool(entries[i]["target"][0]), entries[i]["study"]) for i in drawn)
        assert count[False, 2] == pytest.approx(4000, rel=0.1)
        return count[True, 1] / count[True, 0]

    assert share(0.0) == pytest.approx(1, rel=0.1)
    assert share(0.5) == pytest.approx(4, rel=0.15)
    assert share(1.0) == pytest.approx(16, rel=0.25)


def test_ground_glass_is_a_source_of_its_own_where_asked_for():
    glass, solid = (replace(nodule(None), ratings={"texture": texture}) for texture in (2.0, 5.0))
    found = (LabelledCandidate("s", (1, 1, 1), False),)
    entries = candidate_entries([study([glass] * 4 + [solid] * 60 + [nodule(None)] * 40, found)])

    def share(apart):
        drawn = balanced_sampler(entries, 8000, 0, (), 0.5, ground_glass_apart=apart)
        of_glass = sum(entries[i].get("texture") == 2.0 for i in drawn)
        return of_glass / sum(bool(entries[i]["target"][0]) for i in drawn)

    assert share(False) == pytest.approx(4 / 104, rel=0.3)
    assert share(True) == pytest.approx(2 / (2 + 10), rel=0.15)


def test_nodules_are_inserted_into_whole_scans_that_have_one():
    cube = {"rows": "48", "pixel_spacing_mm": "0.6"}
    scan = {"rows": "512", "pixel_spacing_mm": "0.7"}
    studies = [
        Study("cube", "p", None, None, (nodule(None),), facts=cube),
        Study("scan", "q", None, None, (nodule(None), nodule(None)), facts=scan),
        Study("unmarked", "r", None, None, (), facts=scan),
        Study("phantom", "t", None, None, (nodule(None),)),
    ]
    assert [s.is_cut_out for s in studies] == [True, False, False, False]
    entries = insertion_entries(studies, 7)
    assert Counter(e["series_uid"] for e in entries) == {"scan": 5, "phantom": 2}
    assert {(bool(e["target"][0]), e["source"]) for e in entries} == {(True, "inserted")}
    assert insertion_entries(studies[:1], 7) == []


def test_one_class_is_not_enough():
    with pytest.raises(ValueError, match="both classes"):
        balanced_sampler(candidate_entries([study([nodule(None)])]), 4, 0)


def test_studies_are_drawn_by_their_nodules():
    studies = [study(), study([nodule(2)] * 3)]
    drawn = Counter(study_sampler(studies, 4000, seed=1))
    assert drawn[1] / drawn[0] == pytest.approx(3, rel=0.15)


def test_studies_are_drawn_from_each_folder_equally_often():
    studies = [
        Study("a", "p", None, None, (nodule(2),), folder=Path("few")),
        Study("b", "p", None, None, (), folder=Path("few")),
        *(Study(str(k), "q", None, None, (nodule(2),), folder=Path("many")) for k in range(50)),
    ]
    drawn = Counter(study_sampler(studies, 4000, seed=1, by_folder=True))
    assert drawn[0] + drawn[1] == pytest.approx(2000, rel=0.1)
    assert drawn[0] == pytest.approx(drawn[1], rel=0.15)


def test_listed_candidates_are_hard_negatives_where_asked_for():
    candidates = (
        LabelledCandidate("s", (1, 2, 3), False, 0.9),
        LabelledCandidate("s", (4, 5, 6), True),
        LabelledCandidate("s", (7, 8, 9), False),
    )
    partly = Study("s", "p", None, None, (), candidates, facts={"marked": "partly"})
    for listed, places in ((False, [[1, 2, 3]]), (True, [[1, 2, 3], [7, 8, 9]])):
        known, unknown = study_entries([partly, study()], listed)
        assert known["hard_lps_mm"].tolist() == places
        assert known["partly_marked"]
        assert not unknown["partly_marked"]


def test_only_false_alarms_of_the_segmentation_are_hard_negatives():
    candidates = [
        LabelledCandidate("s", (1, 2, 3), False, 0.9),
        LabelledCandidate("s", (4, 5, 6), True, 0.9),
        LabelledCandidate("s", (7, 8, 9), False),
    ]
    assert hard_negatives([study(candidates=candidates), study()])[0].tolist() == [[1, 2, 3]]
    assert hard_negatives([study()])[0].shape == (0, 3)


def test_points_that_nobody_has_labelled_or_outside_the_box_are_left_out(fake_data, tmp_path):
    studies = read_data_dir(fake_data)[:1]
    prepared = PreparedStudies(studies, tmp_path)
    entries = candidate_entries(studies)
    unlabelled = {**entries[0], "point_lps_mm": np.array([-51.0, -1.0, -46.0])}
    far = {**entries[0], "point_lps_mm": np.array([9999.0, 0, 0])}
    kept = known_entries(prepared, [*entries, unlabelled, far])
    assert [e["point_lps_mm"].tolist() for e in kept] == [
        e["point_lps_mm"].tolist() for e in entries
    ]
