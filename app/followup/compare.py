"""From two analysed scans of a patient to what has changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata

import numpy as np

from nodulus.app.chain.analysis import Analysis
from nodulus.app.followup.local_match import local_match
from nodulus.app.followup.match import Matching, NodulePair, match_findings
from nodulus.app.followup.matching_rule import MatchingRule, shipped_matching_rule
from nodulus.app.followup.pair_doubts import (
    measurement_doubts,
    overlap_warning,
    without_doubling_time,
)
from nodulus.app.followup.register import RegisteredScan, Registration, register
from nodulus.app.followup.repeatability import Repeatability
from nodulus.app.followup.result import (
    DoublingTime,
    FollowUp,
    NoduleChange,
    NoduleOnScan,
    OtherScanTrace,
    ScanOfPair,
    State,
)
from nodulus.app.followup.verdict import Sizes, verdict
from nodulus.app.guidelines.growth import VolumeChange
from nodulus.app.guidelines.lung_rads_growth import LungRadsGrowth, lung_rads_growth
from nodulus.app.guidelines.rounding import mean_diameter_mm
from nodulus.app.result import Finding, LpsPoint, ModelInfo, OperatingPoint
from nodulus.app.results.encodable import encodable_text, source_sha256
from nodulus.app.volume import CtVolume


@dataclass(frozen=True, eq=False)
class AnalysedScan:
    """A scan with what the chain found on it.

    Args:
        volume: the scan.
        analysis: of the volume, by the same networks and settings as the other scan's.
        acquired: the day of the scan; None where it is not known.
        tracking_uids: by finding id those that a comparison with a still earlier scan has given.
    """

    volume: CtVolume
    analysis: Analysis
    acquired: dt.date | None = None
    tracking_uids: Mapping[int, str] = field(default_factory=dict)

    def tracking_uid(self, finding: Finding) -> str:
        """The nodule's tracking UID, the same on all scans that were compared."""
        return self.tracking_uids.get(finding.id, finding.tracking_uid)

    @property
    def registered(self) -> RegisteredScan:
        """What registration needs of it."""
        return RegisteredScan(self.volume.hu, self.volume.geometry, self.analysis.lungs)


def compare(
    prior: AnalysedScan,
    current: AnalysedScan,
    repeatability: Repeatability,
    days: float | None = None,
    models: tuple[ModelInfo, ...] = (),
    operating_points: tuple[OperatingPoint, ...] = (),
    rule: MatchingRule | None = None,
) -> FollowUp:
    """What has changed between two scans of a patient.

    Args:
        prior: the earlier scan.
        current: the later one.
        repeatability: how well a volume can be measured twice.
        days: between the scans, where one of them has no date.
        models: that both scans were read with.
        operating_points: that were applied to both.
        rule: how nodules are put together; None for the shipped one.

    Raises:
        ValueError: the prior scan is not the earlier one.
    """
    rule = rule or shipped_matching_rule()
    dated = _days(prior, current)
    days = dated if dated is not None else days
    registration = register(prior.registered, current.registered)
    matching, places, places_now = _put_together(prior, current, registration, rule)
    doubts = measurement_doubts(prior.volume, current.volume, repeatability, rule.alike_spacing_mm)
    reasons = without_doubling_time(days, doubts)
    changes = _changes(prior, current, matching, places, places_now, rule)
    measured = tuple(
        _with_lung_rads(
            _measured(one, None if reasons else days, repeatability, bool(doubts)), days
        )
        for one in changes
    )
    return FollowUp(
        nodulus_version=metadata.version("nodulus"),
        created=dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        prior=_scan(prior),
        current=_scan(current),
        days=days,
        lung_overlap=registration.lung_dice,
        repeatability_source=repeatability.source,
        models=models,
        operating_points=operating_points,
        nodules=measured,
        warnings=(
            *overlap_warning(registration.lung_dice, rule.least_lung_overlap),
            *doubts,
            *reasons,
        ),
    )


def _put_together(
    prior: AnalysedScan, current: AnalysedScan, registration: Registration, rule: MatchingRule
) -> tuple[Matching, list[LpsPoint], dict[int, LpsPoint]]:
    """Nodules of both scans, matched.

    One search for a nodule's surroundings may fail, so that what has no partner by the search from
    the current scan is looked for from the prior one as well.

    Returns:
        The matching, where each current finding lies in the prior scan, and where each prior
        finding without a partner lies in the current one.
    """
    before, now = prior.analysis.findings, current.analysis.findings
    places = [
        local_match(
            prior.registered, current.registered, registration, one.center_lps_mm, rule
        ).prior_lps_mm
        for one in now
    ]
    in_prior = np.asarray(places, dtype=np.float64).reshape(-1, 3)
    in_current = np.full((len(before), 3), np.nan)
    places_now: dict[int, LpsPoint] = {}
    matching = match_findings(before, now, in_prior, rule)
    while missing := set(matching.only_prior) - set(places_now):
        for index in missing:
            center = before[index].center_lps_mm
            place = local_match(
                current.registered, prior.registered, registration.inverse, center, rule
            ).prior_lps_mm
            places_now[index], in_current[index] = place, place
        matching = match_findings(before, now, in_prior, rule, in_current)
    return matching, places, places_now


def _days(prior: AnalysedScan, current: AnalysedScan) -> float | None:
    if prior.acquired is None or current.acquired is None:
        return None
    days = (current.acquired - prior.acquired).days
    if days < 0:
        raise ValueError("the prior scan was made after the current one")
    return float(days)


def _scan(scan: AnalysedScan) -> ScanOfPair:
    return ScanOfPair(
        study_uid=scan.volume.study_uid,
        series_uid=encodable_text(scan.volume.series_uid),
        source_sha256=None if scan.volume.study_uid else source_sha256(scan.volume),
        acquired=scan.acquired.isoformat() if scan.acquired else None,
        spacing_irc_mm=scan.volume.geometry.spacing_irc_mm,
        convolution_kernel=scan.volume.facts.convolution_kernel,
    )


def _changes(
    prior: AnalysedScan,
    current: AnalysedScan,
    matching: Matching,
    places: list[LpsPoint],
    places_now: Mapping[int, LpsPoint],
    rule: MatchingRule,
) -> list[NoduleChange]:
    by_current = {pair.current: pair for pair in matching.pairs}
    before, now = prior.analysis.findings, current.analysis.findings
    changes = []
    for index, finding in enumerate(now):
        pair = by_current.get(index)
        if pair is None:
            trace = _trace(prior, places[index], rule)
            state: State = "below the threshold before" if trace.below_threshold else "new"
            changes.append(
                NoduleChange(
                    state=state,
                    tracking_uid=current.tracking_uid(finding),
                    current=_on_scan(finding),
                    other_scan=trace,
                )
            )
        else:
            matched = before[pair.prior]
            changes.append(_paired(matched, finding, pair, prior.tracking_uid(matched)))
    alone = [
        _only_prior(before[index], prior, current, places_now[index], rule)
        for index in matching.only_prior
    ]
    return [*changes, *alone]


def _paired(before: Finding, now: Finding, pair: NodulePair, tracking_uid: str) -> NoduleChange:
    one, two = _on_scan(before), _on_scan(now)
    return NoduleChange(
        state="no proven change",
        tracking_uid=tracking_uid,
        prior=one,
        current=two,
        distance_mm=round(pair.distance_mm, 1),
        ambiguous=pair.ambiguous,
        volume_change_share=two.volume_mm3 / one.volume_mm3 - 1.0 if one.volume_mm3 > 0 else None,
        mean_diameter_change_mm=round(two.mean_diameter_mm - one.mean_diameter_mm, 1),
    )


def _only_prior(
    before: Finding,
    prior: AnalysedScan,
    current: AnalysedScan,
    place_now: LpsPoint,
    rule: MatchingRule,
) -> NoduleChange:
    holder = _finding_at(current, place_now)
    trace = _trace(current, place_now, rule)
    gone: State = "below the threshold now" if trace.below_threshold else "not found"
    return NoduleChange(
        state="merged" if holder else gone,
        tracking_uid=prior.tracking_uid(before),
        prior=_on_scan(before),
        merged_with=holder,
        other_scan=trace,
    )


def _finding_at(scan: AnalysedScan, point_lps_mm: LpsPoint) -> int | None:
    geometry = scan.volume.geometry
    index = np.round(geometry.lps_to_index(point_lps_mm)).astype(int)
    if not bool(geometry.contains(index)):
        return None
    return int(scan.analysis.labels[tuple(index)]) or None


def _trace(scan: AnalysedScan, point_lps_mm: LpsPoint, rule: MatchingRule) -> OtherScanTrace:
    """What the networks have around a point of a scan."""
    analysis = scan.analysis
    geometry = analysis.probability_geometry
    index = np.round(geometry.lps_to_index(point_lps_mm)).astype(int)
    reach = np.ceil(rule.trace_within_mm / np.asarray(geometry.spacing_irc_mm)).astype(int)
    low = np.maximum(index - reach, 0)
    high = np.maximum(np.minimum(index + reach + 1, geometry.shape_irc), 0)
    block = analysis.probability[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    dropped = any(
        not candidate.kept
        and np.linalg.norm(np.subtract(candidate.center_lps_mm, point_lps_mm))
        <= rule.candidate_within_mm
        for candidate in analysis.candidates
    )
    whole = scan.volume.geometry
    return OtherScanTrace(
        center_lps_mm=point_lps_mm,
        segmentation_probability=float(block.max()) if block.size else 0.0,
        below_threshold=dropped,
        inside_scan=bool(whole.contains(whole.lps_to_index(point_lps_mm))),
    )


def _on_scan(finding: Finding) -> NoduleOnScan:
    return NoduleOnScan(
        finding_id=finding.id,
        center_lps_mm=finding.center_lps_mm,
        volume_mm3=finding.volume_mm3,
        mean_diameter_mm=mean_diameter_mm(
            finding.longest_diameter_mm, finding.perpendicular_diameter_mm
        ),
        longest_diameter_mm=finding.longest_diameter_mm,
    )


def _measured(
    change: NoduleChange, days: float | None, repeatability: Repeatability, doubtful: bool
) -> NoduleChange:
    """The change with its verdict, and its doubling time where the scans allow one."""
    if change.prior is None or change.current is None:
        return change
    told = verdict(
        _sizes(change.prior), _sizes(change.current), days or 1.0, repeatability, doubtful
    )
    return change.model_copy(
        update={
            "state": told.state,
            "reason": told.reason,
            "doubling_time": _doubling_time(told.volumes)
            if days and told.volumes and not told.reason
            else None,
        }
    )


def _with_lung_rads(change: NoduleChange, days: float | None) -> NoduleChange:
    """The change with what Lung-RADS calls it, which asks for no limits of agreement."""
    if change.prior is None or change.current is None:
        return change
    told: tuple[LungRadsGrowth | None, str]
    if days is None:
        told = None, "the days between the scans are not known"
    elif days == 0:
        told = None, "both scans are of one day"
    else:
        told = lung_rads_growth(
            change.prior.mean_diameter_mm, change.current.mean_diameter_mm, days
        )
    return change.model_copy(update={"lung_rads_growth": told[0], "lung_rads_reason": told[1]})


def _sizes(nodule: NoduleOnScan) -> Sizes:
    return Sizes(nodule.volume_mm3, nodule.mean_diameter_mm)


def _doubling_time(volumes: VolumeChange) -> DoublingTime:
    return DoublingTime(
        days=volumes.doubling_days,
        shortest_days=volumes.fastest_days,
        longest_days=volumes.slowest_days,
    )
