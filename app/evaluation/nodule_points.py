"""Named operating points of the nodule probability, by other marks a scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nodulus.app.chain.settings import NamedThreshold, OperatingPoints
from nodulus.app.evaluation.match_results import MatchedScan, nodule_scores, with_probabilities
from nodulus.app.evaluation.recalibrations import Recalibration, nodule_recalibration
from nodulus.app.evaluation.repooling import repooled
from nodulus.app.evaluation.scans.lesion_rows import ScanOfKnown
from nodulus.app.evaluation.share_by_lesions import PoolingChoice, choose_pooling
from nodulus.app.result import OperatingPoint, PointName

TARGETS: Mapping[PointName, float] = {"sensitive": 4.0, "balanced": 1.0, "specific": 0.25}
"""Other marks a scan."""

DEFAULT: PointName = "sensitive"
"""A missed cancer costs more than a false alarm."""


@dataclass(frozen=True)
class NodulePoints:
    """The choice.

    Args:
        pooling: of the two networks' probabilities.
        points: with the named thresholds; the default one applies.
        left_out: for each name, the lesions found and the other marks a scan on patients whose
            scans no choice was made on: completely marked ones, then partly marked ones.
    """

    pooling: PoolingChoice
    points: OperatingPoints
    left_out: Mapping[PointName, tuple[str, str]]


def choose_nodule_points(
    scans: Sequence[ScanOfKnown],
    before: OperatingPoints,
    phantoms: Sequence[MatchedScan] = (),
) -> NodulePoints:
    """Pool, calibrate, and place the three thresholds.

    The thresholds are the lowest with at most so many other marks a scan, over the completely
    marked real scans and, with the same weight in all, the phantoms. Partly marked scans take no
    part in that, for a mark there may be right. Platt's scaling is fitted on the candidates of
    the completely marked scans and of the phantoms.

    Args:
        scans: real ones.
        before: the points of the run.
        phantoms: results of phantoms for what real scans lack.

    Raises:
        ValueError: a scan is for tests, a result was made with other settings, or there is nothing
            to choose on.
    """
    tests = [s.facts.series_uid for s in scans if s.facts.use == "test"]
    if tests:
        raise ValueError(f"{len(tests)} of the scans are for tests alone: {', '.join(tests)}")
    if not any(s.facts.is_complete for s in scans):
        raise ValueError("in no scan all lesions are marked")
    _check_run([*(s.match for s in scans), *phantoms], before.nodule)
    pooling = choose_pooling(scans, phantoms)
    chosen = _Fitted.on(scans, phantoms, pooling.share)
    left_out = _left_out(scans, phantoms, pooling)
    real = _moved(scans, pooling.share, chosen.recalibration)
    made = [_moved_one(s, pooling.share, chosen.recalibration) for s in phantoms]
    choices: dict[PointName, NamedThreshold] = {}
    for name, threshold in chosen.thresholds.items():
        words = [
            _words(kind, own, threshold)
            for kind, own in (
                ("completely marked real scans", [s for s in real if s.facts.is_complete]),
                ("partly marked real scans", [s for s in real if not s.facts.is_complete]),
            )
            if own
        ]
        if made:
            words.append(_words_of("phantoms", made, threshold))
        choices[name] = NamedThreshold(threshold=threshold, chosen_on="; ".join(words))
    nodule = OperatingPoint(
        name="nodule",
        threshold=choices[DEFAULT].threshold,
        chosen_on=choices[DEFAULT].chosen_on + chosen.recalibration.words,
        choice=DEFAULT,
        **chosen.recalibration.after(before.nodule),
    )
    points = before.model_copy(update={"nodule": nodule, "nodule_choices": choices})
    return NodulePoints(pooling, points, left_out)


def _check_run(scans: Sequence[MatchedScan], before: OperatingPoint) -> None:
    """The new recalibration follows the run's own, which must be that of the settings."""
    for scan in scans:
        for point in scan.result.operating_points:
            own = point.temperature, point.offset
            if point.name == "nodule" and own != (before.temperature, before.offset):
                raise ValueError(
                    f"{scan.result.series_uid} was analysed with other settings than those given,"
                    " whose folder --settings names"
                )


@dataclass(frozen=True)
class _Fitted:
    recalibration: Recalibration
    thresholds: Mapping[PointName, float]

    @classmethod
    def on(
        cls, scans: Sequence[ScanOfKnown], phantoms: Sequence[MatchedScan], share: float
    ) -> _Fitted:
        complete = [repooled(s.match, share) for s in scans if s.facts.is_complete]
        made = [repooled(s, share) for s in phantoms]
        recalibration = nodule_recalibration([*complete, *made], "platt")
        parts = [[_recalibrated(s, recalibration) for s in own] for own in (complete, made) if own]
        return cls(
            recalibration,
            {name: threshold_at_rate(parts, rate) for name, rate in TARGETS.items()},
        )


def threshold_at_rate(parts: Sequence[Sequence[MatchedScan]], rate: float) -> float:
    """The lowest threshold with at most so many other marks a scan, the mean over the parts.

    Args:
        parts: scans of different kinds; each part counts alike.
        rate: other marks a scan.
    """
    scores = np.concatenate([s.candidates.false_scores for part in parts for s in part])
    weights = np.concatenate(
        [
            np.full(len(s.candidates.false_scores), 1.0 / len(part) / len(parts))
            for part in parts
            for s in part
        ]
    )
    order = np.argsort(-scores, kind="stable")
    beyond = np.flatnonzero(np.cumsum(weights[order]) > rate + 1e-9)
    if not len(beyond):
        return 0.01
    # Rounded up, so that the first one too many does not pass.
    return float(max((np.floor(scores[order][beyond[0]] * 1e4) + 1) / 1e4, 0.01))


def _left_out(
    scans: Sequence[ScanOfKnown], phantoms: Sequence[MatchedScan], pooling: PoolingChoice
) -> dict[PointName, tuple[str, str]]:
    """What the points do on each patient when they are chosen without that patient."""
    moved: dict[PointName, list[tuple[ScanOfKnown, float]]] = {name: [] for name in TARGETS}
    for patient, share in pooling.by_patient.items():
        others = [s for s in scans if s.facts.patient != patient]
        if not any(s.facts.is_complete for s in others):
            continue
        fitted = _Fitted.on(others, phantoms, share)
        own = _moved([s for s in scans if s.facts.patient == patient], share, fitted.recalibration)
        for name, threshold in fitted.thresholds.items():
            moved[name] += [(scan, threshold) for scan in own]
    return {
        name: (
            _counted([(s.match, t) for s, t in own if s.facts.is_complete]),
            _counted([(s.match, t) for s, t in own if not s.facts.is_complete]),
        )
        for name, own in moved.items()
    }


def _moved(
    scans: Sequence[ScanOfKnown], share: float, recalibration: Recalibration
) -> list[ScanOfKnown]:
    return [
        ScanOfKnown(s.facts, _moved_one(s.match, share, recalibration), s.outlines, s.learnt_from)
        for s in scans
    ]


def _moved_one(scan: MatchedScan, share: float, recalibration: Recalibration) -> MatchedScan:
    return _recalibrated(repooled(scan, share), recalibration)


def _recalibrated(scan: MatchedScan, recalibration: Recalibration) -> MatchedScan:
    own = [c.nodule_probability for c in scan.result.candidates]
    return with_probabilities(scan, [None if p is None else recalibration(p) for p in own])


def _words(kind: str, scans: Sequence[ScanOfKnown], threshold: float) -> str:
    return _words_of(kind, [s.match for s in scans], threshold)


def _words_of(kind: str, scans: Sequence[MatchedScan], threshold: float) -> str:
    return f"{len(scans)} {kind}: {_counted([(s, threshold) for s in scans])}"


def _counted(scans: Sequence[tuple[MatchedScan, float]]) -> str:
    """Lesions found and other marks a scan, in words."""
    if not scans:
        return "none"
    lesions = sum(len(s.nodules) for s, _ in scans)
    found = sum(int((nodule_scores([s]) >= t).sum()) for s, t in scans)
    marks = sum(int((s.candidates.false_scores >= t).sum()) for s, t in scans) / len(scans)
    return f"{found} of {lesions} lesions found, {marks:.2f} other marks a scan"
