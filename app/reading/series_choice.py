"""Chooses the series of a study that is read, and says why, in plain words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import limits
from nodulus.app.reading.acquisitions import difference_between
from nodulus.app.reading.kernels import Sharpness
from nodulus.app.reading.message_words import count, millimetres
from nodulus.app.reading.series_rules import SeriesCandidate, examine
from nodulus.app.reading.series_warnings import series_warnings
from nodulus.app.reading.stacks import Stack, grid_difference
from nodulus.app.result import SeriesChoice
from nodulus.app.volume import VolumeWarning

_BANDS_MM = (1.3, 2.05, 3.05, 5.05)
_USUAL_KVP = 120.0
_RULE_ORDER = (
    ErrorCode.WRONG_MODALITY,
    ErrorCode.NO_CT_SERIES,
    ErrorCode.TOO_FEW_SLICES,
)


@dataclass(frozen=True)
class Criterion:
    """One thing that series are ranked by.

    Args:
        key: smaller is better.
        explain: why the first lost to the second, where their keys differ.
    """

    key: Callable[[SeriesCandidate], Any]
    explain: Callable[[SeriesCandidate, SeriesCandidate], str]


def thickness_band(candidate: SeriesCandidate) -> int:
    """Series within one band are thin enough alike, and other things decide between them."""
    return sum(candidate.detail_mm > band for band in _BANDS_MM)


CRITERIA = (
    Criterion(
        lambda c: not c.is_axial,
        lambda a, b: "not axial (coronal, sagittal or oblique)",
    ),
    Criterion(
        lambda c: c.is_other_part,
        lambda a, b: f"of another body part ({a.plan.slices[0].body_part})",
    ),
    Criterion(
        lambda c: c.coverage_mm < limits.WHOLE_CHEST_MM,
        lambda a, b: (
            f"covers less of the body ({millimetres(a.coverage_mm)}) than the chosen "
            f"series ({millimetres(b.coverage_mm)})"
        ),
    ),
    Criterion(
        thickness_band,
        lambda a, b: (
            f"thicker slices ({millimetres(a.detail_mm)}) than the chosen series "
            f"({millimetres(b.detail_mm)})"
        ),
    ),
    Criterion(
        lambda c: not c.is_original,
        lambda a, b: "derived from other images; the chosen series is original",
    ),
    Criterion(
        lambda c: c.sharpness,
        lambda a, b: (
            f"kernel {a.plan.slices[0].kernel or 'not stated'} "
            f"({_sharpness_word(a)}) suits nodules less than {b.plan.slices[0].kernel} "
            f"({_sharpness_word(b)})"
        ),
    ),
    Criterion(
        lambda c: max(1.0, round(c.detail_mm, 2)),
        lambda a, b: (
            f"thicker slices ({millimetres(a.detail_mm)}) than the chosen series "
            f"({millimetres(b.detail_mm)})"
        ),
    ),
    Criterion(
        lambda c: abs((c.plan.slices[0].kvp or _USUAL_KVP) - _USUAL_KVP),
        lambda a, b: (
            f"tube voltage {a.plan.slices[0].kvp:g} kV is further from {_USUAL_KVP:g} kV than "
            "that of the chosen series"
        ),
    ),
    Criterion(
        lambda c: len(c.plan.warnings),
        lambda a, b: "needs more mending than the chosen series",
    ),
    Criterion(
        lambda c: -len(c.plan.slices),
        lambda a, b: (
            f"fewer slices ({len(a.plan.slices)}) than the chosen series ({len(b.plan.slices)})"
        ),
    ),
    Criterion(
        lambda c: (c.plan.slices[0].series_number is None, c.plan.slices[0].series_number or 0),
        lambda a, b: "as good as the chosen series, which has the lower series number",
    ),
    Criterion(
        lambda c: (c.stack.series_uid, c.stack.part),
        lambda a, b: (
            "as good as the chosen part of the series, which was acquired first"
            if a.stack.series_uid == b.stack.series_uid
            else "as good as the chosen series, which comes first by its UID"
        ),
    ),
)


@dataclass(frozen=True, eq=False)
class Choice:
    """The outcome for one study.

    Args:
        considered: every stack of every series.
        chosen: the best candidate, None where none fits.
        notes: what was left out of the chosen series, and what is doubtful about it.
        error: why none fits.
    """

    considered: tuple[SeriesChoice, ...]
    chosen: SeriesCandidate | None
    notes: tuple[VolumeWarning, ...] = ()
    error: NodulusError | None = None


def choose_series(stacks: Sequence[Stack], study_uid: str) -> Choice:
    """Examine every stack of a study and choose the best one.

    Args:
        stacks: all stacks of all series of the study.
        study_uid: for the error.
    """
    fits: list[SeriesCandidate] = []
    rejected: list[tuple[Stack, NodulusError]] = []
    for stack in stacks:
        outcome = _try_examine(stack)
        if isinstance(outcome, NodulusError):
            rejected.append((stack, outcome))
        else:
            fits.append(outcome)
    fits.sort(key=lambda c: tuple(criterion.key(c) for criterion in CRITERIA))
    considered = [_record(stack, False, error.message) for stack, error in rejected]
    if not fits:
        return Choice(tuple(considered), None, error=_no_series(rejected, study_uid))
    best = fits[0]
    losers = [
        _record(other.stack, False, f"Not chosen: {_why(other, best)}.") for other in fits[1:]
    ]
    chosen = _record(best.stack, True, _praise(best, len(fits)))
    in_series = sum(len(s.headers) for s in stacks if s.series_uid == best.stack.series_uid)
    notes = (*_left_out(best, fits, rejected), *series_warnings(best, in_series))
    return Choice((chosen, *losers, *considered), best, notes)


def _try_examine(stack: Stack) -> SeriesCandidate | NodulusError:
    try:
        return examine(stack)
    except NodulusError as error:
        return error


def _why(loser: SeriesCandidate, winner: SeriesCandidate) -> str:
    for criterion in CRITERIA:
        if criterion.key(loser) != criterion.key(winner):
            return criterion.explain(loser, winner)
    return "the same series"


def _praise(best: SeriesCandidate, fitting: int) -> str:
    header = best.plan.slices[0]
    words = "axial" if best.is_axial else "not axial, but the only orientation there is"
    reason = "the only series that fits" if fitting == 1 else f"the best of {fitting} that fit"
    return (
        f"Chosen, {reason}: {words}, {count(len(best.plan.slices), 'slice')} "
        f"{millimetres(best.spacing_mm)} apart, thickness "
        f"{'not stated' if header.thickness_mm is None else millimetres(header.thickness_mm)}, "
        f"kernel {header.kernel or 'not stated'}, {best.coverage_mm:.0f} mm of the body."
    )


def _record(stack: Stack, chosen: bool, reason: str) -> SeriesChoice:
    if stack.parts > 1:
        reason = (
            f"Part {stack.part} of {stack.parts} ({count(len(stack.headers), 'image')}): {reason}"
        )
    return SeriesChoice(series_uid=stack.series_uid, chosen=chosen, reason=reason)


def _left_out(
    best: SeriesCandidate, fits: list[SeriesCandidate], rejected: list[tuple[Stack, NodulusError]]
) -> tuple[VolumeWarning, ...]:
    """Parts of the chosen series that are not in the volume."""
    reasons = [(stack, error.message) for stack, error in rejected]
    reasons += [(other.stack, f"Not chosen: {_why(other, best)}.") for other in fits[1:]]
    return tuple(
        VolumeWarning(
            "part-of-series-left-out",
            f"{count(len(stack.headers), 'image')} of the chosen series left out"
            f"{_in_what(stack, best.stack)}. {message}",
        )
        for stack, message in reasons
        if stack.series_uid == best.stack.series_uid
    )


def _in_what(stack: Stack, other: Stack) -> str:
    """In what two parts of a series differ, in brackets."""
    name = grid_difference(stack, other) or difference_between(stack.headers, other.headers)
    return "" if name is None else f" (another {name})"


def _no_series(rejected: list[tuple[Stack, NodulusError]], study_uid: str) -> NodulusError:
    """The error of the stack that came nearest, and how many there were."""

    def nearness(item: tuple[Stack, NodulusError]) -> tuple[int, int]:
        stack, error = item
        known = error.code in _RULE_ORDER
        return (_RULE_ORDER.index(error.code) if known else len(_RULE_ORDER)), len(stack.headers)

    _, nearest = max(rejected, key=nearness)
    if nearest.code is ErrorCode.WRONG_MODALITY:
        kinds = sorted({stack.first.modality or "not stated" for stack, _ in rejected})
        message = f"The study holds no CT, only {', '.join(kinds)}."
    else:
        series = {stack.series_uid for stack, _ in rejected}
        message = f"None of {len(series)} series fits. The nearest: {nearest.message}"
        if len(series) == 1 and len(rejected) > 1:
            message = (
                f"Its only series is in {len(rejected)} parts{_apart(rejected)}, and none fits. "
                f"The nearest: {nearest.message}"
            )
        elif len(series) == 1:
            message = f"Its only series does not fit: {nearest.message}"
    return NodulusError(nearest.code, message, remedy=nearest.remedy, subject=study_uid)


def _apart(rejected: list[tuple[Stack, NodulusError]]) -> str:
    """In what the parts of one series differ, in brackets."""
    first = rejected[0][0]
    names = [
        grid_difference(stack, first) or difference_between(stack.headers, first.headers)
        for stack, _ in rejected[1:]
    ]
    known = list(dict.fromkeys(name for name in names if name is not None))
    return f" (they differ in {', '.join(known)})" if known else ""


def _sharpness_word(candidate: SeriesCandidate) -> str:
    return {
        Sharpness.MEDIUM: "medium",
        Sharpness.SOFT: "soft",
        Sharpness.UNKNOWN: "unknown",
        Sharpness.SHARP: "sharp",
    }[candidate.sharpness]
