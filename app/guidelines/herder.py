"""Herder's probability of cancer: the Mayo model's, revised by FDG uptake on PET.

Herder GJ et al., Chest 2005;128:2490-2496.
"""

from __future__ import annotations

from typing import Literal

from nodulus.app.guidelines.risk import RiskEstimate, logistic

SOURCE = "Herder et al., Chest 2005;128:2490-2496"
_NAME = "Herder"
_CONSTANT = -4.739
_MAYO = 3.691
FdgUptake = Literal["none", "faint", "moderate", "intense"]
"""None: as lung background; faint: up to the mediastinal blood pool; moderate: above it; intense:
far above it."""
_UPTAKE: dict[FdgUptake, float] = {
    "none": 0.0,
    "faint": 2.322,
    "moderate": 4.617,
    "intense": 4.771,
}


def herder(mayo: RiskEstimate, uptake: FdgUptake | None) -> RiskEstimate:
    """The probability of cancer from the Mayo model's and the FDG uptake.

    Args:
        mayo: the Mayo model's answer, a range where its inputs are unknown.
        uptake: on PET, in four grades; None where there was no PET.
    """
    if mayo.not_applicable or mayo.low is None or mayo.high is None:
        return RiskEstimate(
            _NAME,
            SOURCE,
            None,
            None,
            mayo.missing if uptake is not None else (*mayo.missing, "uptake"),
            not_applicable=mayo.not_applicable,
        )
    grades = [uptake] if uptake is not None else list(_UPTAKE)
    odds = [
        _CONSTANT + _MAYO * probability + _UPTAKE[grade]
        for probability in (mayo.low, mayo.high)
        for grade in grades
    ]
    return RiskEstimate(
        _NAME,
        SOURCE,
        logistic(min(odds)),
        logistic(max(odds)),
        mayo.missing if uptake is not None else (*mayo.missing, "uptake"),
        doubt=mayo.doubt,
    )
