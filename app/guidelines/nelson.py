"""NELSON: solid nodules in screening by volume and volume doubling time.

de Koning HJ et al., N Engl J Med 2020;382:503-513; limits of new nodules after Walter JE et al.,
Lancet Respir Med 2016;4:907-916, and 2018. Read in secondary sources; that a doubling time of 400
to 600 days is indeterminate was not confirmed in the primary one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nodulus.app.guidelines.advice import Advice, Ruling
from nodulus.app.guidelines.answers import Answers
from nodulus.app.guidelines.decide import decide

GUIDELINE = "NELSON"
SOURCE = "de Koning et al., N Engl J Med 2020;382:503-513"
_SMALL_MM3, _LARGE_MM3 = 50, 500
_GROWTH_SHARE = 0.25
_FAST_DAYS, _SLOW_DAYS = 400, 600
_NEW_DAYS, _NEW_MM3 = 590, 200


@dataclass(frozen=True)
class NelsonNodule:
    """A solid nodule; None where something is not known.

    Args:
        status: at its first scan, on a later one, or new and seen again.
        volume_mm3: now.
        growth_share: (volume now - before) / before.
        doubling_days: the volume doubling time where it grew.
    """

    status: Literal["baseline", "follow-up", "new, seen again"]
    volume_mm3: float | None
    growth_share: float | None = None
    doubling_days: float | None = None


def nelson(nodule: NelsonNodule) -> Advice:
    """Negative, indeterminate or positive."""
    return decide(GUIDELINE, SOURCE, lambda answers: (_ruling(answers),), nodule, {})


def _negative(row: str) -> Ruling:
    return Ruling("negative", "next round of screening", row)


def _positive(row: str) -> Ruling:
    return Ruling("positive", "referral for work-up", row)


def _ruling(answers: Answers) -> Ruling:
    status = answers.choice("status")
    if status == "baseline":
        return _by_volume(answers.number("volume_mm3"))
    if status == "new, seen again":
        if answers.number("volume_mm3") >= _NEW_MM3:
            return _positive("new, 200 mm3 or more when seen again")
        if answers.number("growth_share") > 0 and answers.number("doubling_days") <= _NEW_DAYS:
            return _positive("new, doubles within 590 days")
        return _negative("new, below 200 mm3, does not double within 590 days")
    if answers.number("growth_share") < _GROWTH_SHARE:
        return _negative("grown by less than 25 %")
    days = answers.number("doubling_days")
    if days < _FAST_DAYS:
        return _positive("grown, doubles in less than 400 days")
    if days <= _SLOW_DAYS:
        return Ruling("indeterminate", "CT again", "grown, doubles in 400 to 600 days")
    return _negative("grown, doubles in more than 600 days")


def _by_volume(volume_mm3: float) -> Ruling:
    if volume_mm3 < _SMALL_MM3:
        return _negative("below 50 mm3")
    if volume_mm3 <= _LARGE_MM3:
        return Ruling("indeterminate", "CT at 3 months", "50 to 500 mm3")
    return _positive("above 500 mm3")
