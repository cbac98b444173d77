"""Whether a nodule on two scans has grown: by volume and by mean diameter, which must not disagree.

The rule, with the limits of ``configs/repeatability.json``:

1. Scans that were made alike with thin slices: the volume decides, where it changed by more than
   two measurements of one nodule differ (Bland and Altman, Lancet 1986;327:307-310).
2. Thick slices, or scans that were made differently: limits of agreement do not hold there (Nietert
   et al. 2009, PMC5989730). Both measures must have changed, in one direction: the mean diameter by
   2 mm (MacMahon et al., Radiology 2017;284:228-243) and the volume by a quarter (BTS guideline,
   Callister et al., Thorax 2015;70 Suppl 2:ii1-54), or by the limits of agreement where they are
   wider.
3. Where one measure says that a nodule grew and the other one that it shrank, or where a measure
   that must agree is not known, nothing is proven.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from nodulus.app.followup.repeatability import Repeatability
from nodulus.app.guidelines.growth import VolumeChange, log_ratio, volume_change

VerdictState = Literal["grown", "shrunk", "no proven change"]
_STATES: dict[str, VerdictState] = {
    "growth": "grown",
    "shrinking": "shrunk",
    "no proven change": "no proven change",
}


@dataclass(frozen=True)
class Sizes:
    """A nodule's sizes on one scan; None where one is not known.

    Args:
        volume_mm3: its volume.
        mean_diameter_mm: mean of long and short axis, to 0.1 mm.
    """

    volume_mm3: float | None
    mean_diameter_mm: float | None


@dataclass(frozen=True)
class Verdict:
    """What became of a nodule.

    Args:
        state: grown, shrunk or no proven change.
        reason: why nothing is proven although a measure changed; else None.
        volumes: the change in volume with its interval; None where it is not known.
    """

    state: VerdictState
    reason: str | None = None
    volumes: VolumeChange | None = None


def verdict(
    before: Sizes, now: Sizes, days: float, limits: Repeatability, both_must_agree: bool
) -> Verdict:
    """Tell whether a nodule has grown.

    Args:
        before: on the prior scan.
        now: on the current one.
        days: between them; only the doubling time depends on it.
        limits: how well sizes can be measured twice.
        both_must_agree: thick slices, or scans that were made differently.

    Raises:
        ValueError: ``days`` is not positive.
    """
    volumes = _volumes(before, now, days, limits)
    by_diameter = _by_diameter(before, now, limits)
    if both_must_agree:
        by_volume = None if volumes is None else _by_volume(before, now, volumes, limits)
        return _agreed(by_volume, by_diameter, volumes)
    if volumes is None:
        return _agreed(None, by_diameter, volumes)
    state = _STATES[volumes.verdict]
    if {state, by_diameter} == {"grown", "shrunk"}:
        return Verdict("no proven change", _words(state, by_diameter), volumes)
    return Verdict(state, None, volumes)


def _known(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def _volumes(before: Sizes, now: Sizes, days: float, limits: Repeatability) -> VolumeChange | None:
    one, two = _known(before.volume_mm3), _known(now.volume_mm3)
    if one is None or two is None:
        return None
    # Of a diameter that is not known the widest limits stand: those of the smallest nodules.
    smaller = min(_known(sizes.mean_diameter_mm) or 0.0 for sizes in (before, now))
    return volume_change(one, two, days, limits.coefficient_of_variation(smaller))


def _by_volume(
    before: Sizes, now: Sizes, volumes: VolumeChange, limits: Repeatability
) -> VerdictState:
    """A change by a quarter; the same verdict, turned round, with the scans turned round."""
    ratio = log_ratio(before.volume_mm3 or 0.0, now.volume_mm3 or 0.0)
    if abs(ratio) < math.log1p(limits.volume_change_share):
        return "no proven change"
    return _STATES[volumes.verdict]


def _by_diameter(before: Sizes, now: Sizes, limits: Repeatability) -> VerdictState | None:
    one, two = _known(before.mean_diameter_mm), _known(now.mean_diameter_mm)
    if one is None or two is None:
        return None
    moved = round(two - one, 1)
    if abs(moved) < limits.diameter_change_mm:
        return "no proven change"
    return "grown" if moved > 0 else "shrunk"


def _agreed(
    by_volume: VerdictState | None, by_diameter: VerdictState | None, volumes: VolumeChange | None
) -> Verdict:
    if by_volume is not None and by_volume == by_diameter:
        return Verdict(by_volume, None, volumes)
    return Verdict("no proven change", _words(by_volume, by_diameter), volumes)


def _words(by_volume: VerdictState | None, by_diameter: VerdictState | None) -> str:
    told = [
        f"{name}: {state or 'not known'}"
        for name, state in (("volume", by_volume), ("mean diameter", by_diameter))
    ]
    return f"the measures do not agree ({'; '.join(told)})"
