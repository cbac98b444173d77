"""Nodules of two scans: grown, shrunk, unchanged, new, gone or joined."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from nodulus.app.chain.analysis import Analysis
from nodulus.app.followup.compare import AnalysedScan, compare
from nodulus.app.followup.matching_rule import shipped_matching_rule
from nodulus.app.followup.repeatability import load_repeatability
from nodulus.app.result import CandidateRecord
from nodulus.app.volume import CtVolume, SeriesFacts
from nodulus.transforms.geometry import Geometry
from tests.app.followup.test_match import finding
from tests.app.followup.test_register import chest

CENTRES = [(45, 60, 40), (30, 50, 110), (60, 70, 45), (45, 45, 105)]
CHEST = chest(spacing=(2.0, 2.0, 2.0))


def scan(
    volumes: dict[int, float], *, day: int | None = 0, dropped=(), at=(), kernel="B", thick=False
):
    """A scan with a finding of a volume at some of the centres; labels hold them."""
    registered = chest() if thick else CHEST
    geometry = registered.geometry
    points = [tuple(map(float, geometry.index_to_lps(index))) for index in CENTRES]
    labels = np.zeros(geometry.shape_irc, np.uint8)
    probability = np.zeros(geometry.shape_irc, np.float32)
    findings = []
    for number, (place, volume) in enumerate(volumes.items(), start=1):
        labels[CENTRES[place]] = number
        probability[CENTRES[place]] = 0.9
        findings.append(finding(number, points[place], volume))
    for place in at:  # a neighbour's finding covers this place
        labels[CENTRES[place]] = 1
    for place in dropped:
        probability[CENTRES[place]] = 0.4
    candidates = tuple(
        CandidateRecord(
            center_lps_mm=points[place], volume_mm3=50.0, segmentation_probability=0.4,
            nodule_probability=0.01, kept=False, reason="",
        )
        for place in dropped
    )  # fmt: skip
    volume = CtVolume(
        registered.hu, geometry, "1.2", "1.1", "nifti", facts=SeriesFacts(convolution_kernel=kernel)
    )
    analysis = Analysis(
        tuple(findings), labels, candidates, registered.lungs, probability, geometry, (), {}
    )
    acquired = None if day is None else dt.date(2020, 1, 1) + dt.timedelta(day)
    return AnalysedScan(volume, analysis, acquired)


def states(found) -> list[tuple[str, int | None, int | None]]:
    return [
        (one.state, one.prior and one.prior.finding_id, one.current and one.current.finding_id)
        for one in found.nodules
    ]


LIMITS = load_repeatability()


def test_grown_shrunk_unchanged_and_new():
    prior = scan({0: 200.0, 1: 300.0, 2: 200.0})
    current = scan({0: 400.0, 1: 290.0, 2: 100.0, 3: 80.0}, day=365)
    found = compare(prior, current, LIMITS)
    assert states(found) == [
        ("grown", 1, 1),
        ("no proven change", 2, 2),
        ("shrunk", 3, 3),
        ("new", None, 4),
    ]
    assert found.days == 365
    grown = found.nodules[0]
    assert grown.volume_change_share == pytest.approx(1.0)
    assert grown.doubling_time.days == pytest.approx(365.0)
    assert grown.doubling_time.shortest_days < 365 < grown.doubling_time.longest_days
    assert found.nodules[1].doubling_time.longest_days is None
    assert found.nodules[2].doubling_time.days is None
    assert found.warnings == ()


def test_the_interval_is_that_of_the_limits_of_agreement():
    # both have a mean diameter of 7.5 mm
    limit = LIMITS.limit(7.5)
    doubled = compare(scan({0: 200.0}), scan({0: 400.0}, day=365), LIMITS).nodules[0].doubling_time
    log2 = np.log(2.0)
    assert doubled.shortest_days == pytest.approx(365 * log2 / (log2 + limit), rel=1e-4)
    assert doubled.longest_days == pytest.approx(365 * log2 / (log2 - limit), rel=1e-4)


@pytest.mark.parametrize(
    ("wider_mm", "day", "growth"),
    [(1.6, 365, "growing"), (1.5, 365, "stable"), (-1.6, 365, "smaller"), (1.6, 400, None)],
)
def test_lung_rads_has_its_own_rule_of_growth(wider_mm, day, growth):
    current = scan({0: 210.0}, day=day)
    (seen,) = current.analysis.findings
    wider = seen.model_copy(
        update={
            "longest_diameter_mm": seen.longest_diameter_mm + wider_mm,
            "perpendicular_diameter_mm": seen.perpendicular_diameter_mm + wider_mm,
        }
    )
    current = replace(current, analysis=replace(current.analysis, findings=(wider,)))
    (change,) = compare(scan({0: 200.0}), current, LIMITS).nodules
    assert change.lung_rads_growth == growth
    assert f"{abs(wider_mm):.1f} mm" in change.lung_rads_reason


@pytest.mark.parametrize(
    ("day", "reason"),
    [(None, "the days between the scans are not known"), (0, "both scans are of one day")],
)
def test_lung_rads_tells_no_growth_without_an_interval(day, reason):
    (change,) = compare(scan({0: 200.0}, day=day), scan({0: 400.0}, day=day), LIMITS).nodules
    assert (change.lung_rads_growth, change.lung_rads_reason) == (None, reason)


def test_lung_rads_tells_growth_where_slices_are_too_thick_for_doubling_times():
    prior, current = scan({0: 200.0}, thick=True), scan({0: 210.0}, day=90, thick=True)
    (change,) = compare(prior, current, LIMITS).nodules
    assert change.doubling_time is None
    assert change.lung_rads_growth == "stable"


def test_a_dropped_candidate_is_no_new_nodule():
    found = compare(scan({0: 200.0}, dropped=(1,)), scan({0: 200.0, 1: 90.0}, day=90), LIMITS)
    assert states(found)[1] == ("below the threshold before", None, 2)
    assert found.nodules[1].other_scan.segmentation_probability == pytest.approx(0.4)


def test_a_nodule_of_the_prior_scan_alone():
    prior = scan({0: 200.0, 1: 90.0, 2: 80.0})
    current = scan({0: 200.0}, day=90, dropped=(2,))
    found = compare(prior, current, LIMITS)
    assert states(found)[1:] == [("not found", 2, None), ("below the threshold now", 3, None)]
    assert found.nodules[1].other_scan.inside_scan


def test_a_nodule_that_another_has_taken_in():
    found = compare(scan({0: 200.0, 1: 90.0}), scan({0: 900.0}, day=90, at=(1,)), LIMITS)
    assert states(found)[1] == ("merged", 2, None)
    assert found.nodules[1].merged_with == 1


def test_without_dates_there_is_no_doubling_time_unless_the_days_are_given():
    prior, current = scan({0: 200.0}, day=None), scan({0: 400.0}, day=None)
    found = compare(prior, current, LIMITS)
    assert [one.code for one in found.warnings] == ["no-doubling-time"]
    assert found.nodules[0].doubling_time is None
    assert found.nodules[0].state == "grown"
    assert compare(prior, current, LIMITS, days=100).nodules[0].doubling_time.days == pytest.approx(
        100
    )


def sized(one, longest, perpendicular):
    """The scan with other diameters of its first finding."""
    first, *others = one.analysis.findings
    axes = {"longest_diameter_mm": longest, "perpendicular_diameter_mm": perpendicular}
    findings = (first.model_copy(update=axes), *others)
    return replace(one, analysis=replace(one.analysis, findings=findings))


def test_with_thick_slices_both_measures_must_agree():
    prior, current = scan({0: 200.0}, thick=True), scan({0: 400.0}, day=365, thick=True)
    found = compare(prior, current, LIMITS)
    assert found.nodules[0].state == "no proven change"
    assert "volume: grown; mean diameter: no proven change" in found.nodules[0].reason
    assert found.nodules[0].doubling_time is None
    assert [one.code for one in found.warnings] == ["thick-slices", "no-doubling-time"]
    assert compare(prior, sized(current, 10.0, 9.0), LIMITS).nodules[0].state == "grown"


def test_of_scans_that_were_made_differently_both_measures_must_agree():
    prior, current = scan({0: 200.0}), scan({0: 400.0}, day=9, kernel="L")
    found = compare(prior, current, LIMITS)
    assert [one.code for one in found.warnings] == ["acquisitions-differ", "no-doubling-time"]
    assert found.nodules[0].state == "no proven change"
    assert compare(prior, sized(current, 12.0, 11.0), LIMITS).nodules[0].state == "grown"


def test_the_later_scan_cannot_be_the_prior():
    with pytest.raises(ValueError, match="after"):
        compare(scan({}, day=9), scan({}), LIMITS)


MOVED_MM = np.array([30.0, -12.0, 8.0])


def displaced(one: AnalysedScan) -> AnalysedScan:
    """The scan with the patient ``MOVED_MM`` further to the left, the front and the head."""

    def moved(point):
        return tuple(np.add(point, MOVED_MM).tolist())

    affine = one.volume.geometry.affine_lps.copy()
    affine[:3, 3] += MOVED_MM
    geometry = Geometry(one.volume.geometry.shape_irc, affine)
    analysis = replace(
        one.analysis,
        findings=tuple(
            f.model_copy(update={"center_lps_mm": moved(f.center_lps_mm)})
            for f in one.analysis.findings
        ),
        candidates=tuple(
            c.model_copy(update={"center_lps_mm": moved(c.center_lps_mm)})
            for c in one.analysis.candidates
        ),
        lungs=replace(one.analysis.lungs, geometry=geometry),
        probability_geometry=geometry,
    )
    return replace(one, volume=replace(one.volume, geometry=geometry), analysis=analysis)


def test_the_prior_scan_is_looked_at_where_the_nodule_lies_in_it() -> None:
    prior = scan({0: 200.0}, dropped=(1,))
    moved = displaced(scan({0: 200.0, 1: 90.0}, day=90))
    same, new = compare(prior, moved, LIMITS).nodules
    assert same.distance_mm <= 2.5
    assert new.state == "below the threshold before"
    where = prior.volume.geometry.index_to_lps(CENTRES[1])
    np.testing.assert_allclose(new.other_scan.center_lps_mm, where, atol=2.5)
    assert new.other_scan.segmentation_probability == pytest.approx(0.4)


def test_the_current_scan_is_looked_at_where_the_nodule_would_lie_in_it() -> None:
    """The patient lies elsewhere, and the surroundings of the third nodule 8 mm further still."""
    prior = scan({0: 200.0, 1: 90.0, 2: 80.0})
    current = scan({0: 400.0}, day=90, dropped=(1,))
    hu, labels = current.volume.hu.copy(), current.analysis.labels.copy()
    around = tuple(slice(n - 16, n + 17) for n in CENTRES[2])
    hu[around] = np.roll(hu[around], 4, axis=2)
    shifted = (*CENTRES[2][:2], CENTRES[2][2] + 4)
    labels[tuple(slice(n - 1, n + 2) for n in shifted)] = 1
    current = replace(
        current,
        volume=replace(current.volume, hu=hu),
        analysis=replace(current.analysis, labels=labels),
    )
    moved = displaced(current)
    found = compare(prior, moved, LIMITS)
    assert states(found) == [
        ("grown", 1, 1), ("below the threshold now", 2, None), ("merged", 3, None),
    ]  # fmt: skip
    geometry = moved.volume.geometry
    for change, index in zip(found.nodules[1:], (CENTRES[1], shifted), strict=True):
        where = geometry.index_to_lps(index)
        np.testing.assert_allclose(change.other_scan.center_lps_mm, where, atol=2.5)
        assert change.other_scan.inside_scan
    assert found.nodules[1].other_scan.segmentation_probability == pytest.approx(0.4)
    assert found.nodules[2].merged_with == 1


def test_each_number_of_a_pair_is_that_of_its_own_scan() -> None:
    prior = sized(scan({0: 200.0, 1: 300.0}), 9.0, 6.2)
    current = sized(scan({0: 500.0, 1: 150.0}, day=90), 11.6, 8.4)
    strict = shipped_matching_rule().model_copy(update={"least_lung_overlap": 1.1})
    found = compare(prior, current, LIMITS, rule=strict)
    assert [one.code for one in found.warnings] == ["poorly-registered"]
    assert f"overlap by {found.lung_overlap:.2f}" in found.warnings[0].message
    grown, shrunk = found.nodules
    told = [
        (one.finding_id, one.volume_mm3, one.mean_diameter_mm, one.longest_diameter_mm)
        for one in (grown.prior, grown.current)
    ]
    assert told == [(1, 200.0, 7.6, 9.0), (1, 500.0, 10.0, 11.6)]
    assert grown.volume_change_share == pytest.approx(1.5)
    assert grown.mean_diameter_change_mm == 2.4
    assert shrunk.volume_change_share == pytest.approx(-0.5)
    turned = compare(
        replace(current, acquired=prior.acquired), replace(prior, acquired=current.acquired), LIMITS
    )
    assert turned.nodules[0].mean_diameter_change_mm == -2.4
    assert turned.nodules[0].volume_change_share == pytest.approx(-0.6)
