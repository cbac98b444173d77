"""When a change of size counts as one."""

from __future__ import annotations

import pytest

from nodulus.app.followup.repeatability import Repeatability, load_repeatability
from nodulus.app.followup.verdict import Sizes, verdict

# The published limits, so that the rule is tested apart from what was measured since.
LIMITS = Repeatability.model_validate(
    load_repeatability().model_dump()
    | {
        "limits_of_agreement": [
            {"below_diameter_mm": 8.0, "share": 0.256},
            {"below_diameter_mm": None, "share": 0.171},
        ]
    }
)
GROWN, SHRUNK, NOTHING = "grown", "shrunk", "no proven change"


@pytest.mark.parametrize("diameter_mm", [3.0, 7.9, 8.0, 30.0])
def test_the_limits_in_use_are_not_narrower_than_those_published(diameter_mm):
    assert load_repeatability().limit(diameter_mm) >= LIMITS.limit(diameter_mm)


def state(before, now, *, agree, days=100.0):
    return verdict(Sizes(*before), Sizes(*now), days, LIMITS, agree).state


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        # LIDC-IDRI-0132, slices of 3 mm: smaller in the plane, larger as a whole
        ((3500.0, 22.2), (3990.0, 19.5), NOTHING),
        ((3500.0, 22.2), (4600.0, 19.5), NOTHING),  # they contradict each other
        ((3500.0, 19.5), (4600.0, 22.2), GROWN),
        ((4600.0, 22.2), (3500.0, 19.5), SHRUNK),
        ((3500.0, 19.5), (4600.0, 21.4), NOTHING),  # 1.9 mm
        ((3500.0, 19.5), (4600.0, 21.5), GROWN),  # 2.0 mm
        ((4000.0, 19.5), (4999.0, 22.2), NOTHING),  # below a quarter
        ((4000.0, 19.5), (5000.0, 22.2), GROWN),
        ((100.0, 5.8), (126.0, 7.9), NOTHING),  # within the limits of small nodules
        ((None, 19.5), (4600.0, 22.2), NOTHING),
        ((3500.0, 19.5), (None, 22.2), NOTHING),
        ((3500.0, None), (4600.0, 22.2), NOTHING),
        ((0.0, 19.5), (4600.0, 22.2), NOTHING),
        ((None, None), (None, None), NOTHING),
    ],
)
def test_where_both_measures_must_agree(before, now, expected):
    assert state(before, now, agree=True) == expected


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ((1000.0, 12.4), (1300.0, 12.9), GROWN),
        ((1000.0, 12.4), (770.0, 12.0), SHRUNK),
        ((1000.0, 12.4), (1150.0, 14.9), NOTHING),  # the volume decides
        ((1000.0, 12.4), (1300.0, 10.4), NOTHING),  # the diameter contradicts
        ((1000.0, None), (1300.0, 12.9), GROWN),  # 26 % by the widest limits: 25.6 %
        ((1000.0, None), (1250.0, 12.9), NOTHING),
        ((None, 10.0), (1300.0, 20.0), NOTHING),
    ],
)
def test_thin_slices_of_scans_that_were_made_alike(before, now, expected):
    assert state(before, now, agree=False) == expected


@pytest.mark.parametrize("agree", [True, False])
def test_scans_turned_round_turn_the_verdict_round(agree):
    turned = {GROWN: SHRUNK, SHRUNK: GROWN, NOTHING: NOTHING}
    cases = [((v, d), (w, e)) for v in (90, 110) for d in (5, 8) for w in (91, 140) for e in (5, 8)]
    for one, two in cases:
        assert state(one, two, agree=agree) == turned[state(two, one, agree=agree)]


def test_a_contradiction_is_said():
    told = verdict(Sizes(3500, 22.2), Sizes(4600, 19.5), 100, LIMITS, True)
    assert told.reason == "the measures do not agree (volume: grown; mean diameter: shrunk)"
    same = verdict(Sizes(3500, 22.2), Sizes(3510, 22.3), 100, LIMITS, True)
    assert same.reason is None
