"""Candidates of several sources: each place once, with who has seen it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nodulus.app.chain.candidate_records import record_of
from nodulus.app.chain.models import Models
from nodulus.app.chain.native_mask import native_mask
from nodulus.app.chain.outline_at_point import SeenAlready, outline_at_point
from nodulus.app.chain.protocols import Detection, Outline
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.chain.settings_sections import FusionSettings
from nodulus.app.chain.timed_steps import Steps
from nodulus.app.marks import Mark, MarkedVoxels, OtherCandidates
from nodulus.app.result import (
    SEGMENTATION_SOURCE,
    CandidateRecord,
    CandidateSourceInfo,
    OutlinedBy,
    Sighting,
)
from nodulus.app.volume import VolumeWarning
from nodulus.transforms.blocks import box_between, enclosing, relative
from nodulus.transforms.candidates import Candidate, by_rank, make_candidate
from nodulus.transforms.geometry import Geometry


@dataclass(frozen=True, eq=False)
class Fused:
    """Candidates of all sources.

    Args:
        detection: of all of them.
        sources: the segmentation first, then the others in their order.
        warnings: of the sources.
    """

    detection: Detection
    sources: tuple[CandidateSourceInfo, ...]
    warnings: tuple[VolumeWarning, ...]


@dataclass(frozen=True, eq=False)
class _Place:
    """One place that may be a nodule.

    Args:
        candidate: on the detector's grid where it is of the segmentation, else on the volume's.
        outline: on the volume's grid.
        outlined_by: how.
        look_at_lps_mm: where the classifiers look.
        crop_spacing_mm: of the crops that they see, None for their own.
        seen_by: the marks.
        is_own: the outline is that of the segmentation's candidate.
    """

    candidate: Candidate
    outline: Outline
    outlined_by: OutlinedBy
    look_at_lps_mm: tuple[float, float, float]
    crop_spacing_mm: float | None
    seen_by: tuple[Sighting, ...]
    is_own: bool = False

    @property
    def is_of_others(self) -> bool:
        return any(one.source != SEGMENTATION_SOURCE for one in self.seen_by)


def fuse_candidates(
    scan: ScanViews,
    models: Models,
    settings: ChainSettings,
    own: Detection,
    others: OtherCandidates,
    steps: Steps,
) -> Fused:
    """Put the marks of other sources to the segmentation's candidates.

    A mark is of a candidate that is there already where its centre is nearer to the candidate's
    than the radius of the larger of the two (the rule by which LUNA16 counts a hit), or where its
    outline lies in the candidate's to the settings' share. A point is outlined by the segmentation,
    else by HU. Of a place that several have seen the segmentation's outline counts; with
    ``others.only`` a mask that a source gives counts before it.

    Args:
        scan: the volume and its views.
        models: the segmentation looks at points outside of the region that was searched.
        settings: weights and rules of the fusion.
        own: what the detector has found.
        others: the other sources.
        steps: tells and times.

    Raises:
        NodulusError: marks of a source cannot be those of this scan.
        ValueError: two sources have one name.
    """
    sources, warnings = others.of_scan(scan.volume)
    names = [SEGMENTATION_SOURCE, *(source.name for source in sources)]
    if len(set(names)) < len(names):
        raise ValueError(f"two sources of candidates have one name: {', '.join(names)}")
    fusion = settings.pipeline.fusion
    places = [_own_place(n, scan, settings, own) for n in range(len(own.candidates))]
    dropped: list[CandidateRecord] = []
    infos = [
        CandidateSourceInfo(
            name=SEGMENTATION_SOURCE,
            form="segmentation",
            sha256=models.segmentation.sha256,
            weight=fusion.weight_of(SEGMENTATION_SOURCE),
            marks=len(places),
        )
    ]
    seen = SeenAlready(own.probability, own.grid, scan.region_on(own.grid))
    for source in sources:
        with steps(f"candidates {source.name}") as report:
            given = source.marks(scan.volume, report)
            # The most probable one first: what it shares with others is told of it.
            for mark in sorted(given.marks, key=lambda m: -(m.probability or 0.0)):
                place = _marked_place(mark, source.name, scan, models, settings, seen)
                if place.candidate.volume_mm3 < settings.pipeline.min_candidate_volume_mm3:
                    dropped.append(_too_small(place, settings))
                else:
                    _put(place, places, fusion, mask_counts=others.only)
        warnings += given.warnings
        infos.append(
            CandidateSourceInfo(
                name=source.name,
                form=source.form,
                algorithm=given.algorithm,
                sha256=source.sha256,
                weight=fusion.weight_of(source.name),
                marks=len(given.marks),
            )
        )
    if others.only:
        dropped += [_marked_by_none(place) for place in places if not place.is_of_others]
        places = [place for place in places if place.is_of_others]
    for place in places:
        if place.crop_spacing_mm is not None:
            scan.set_crop_spacing(place.look_at_lps_mm, place.crop_spacing_mm)
    return Fused(_as_detection(places, own, dropped, infos, fusion), tuple(infos), tuple(warnings))


def pooled_probability(
    peak: float,
    seen_by: Sequence[Sighting],
    sources: Sequence[CandidateSourceInfo],
    fusion: FusionSettings,
) -> float:
    """The probability that all sources give to a place.

    Args:
        peak: the segmentation's highest probability there.
        seen_by: the marks of the others; those without a probability say nothing.
        sources: all of them; those that never give a probability are to be left out.
        fusion: rule and weights.

    Returns:
        0 to 1. The segmentation's own where the weights of all that say something are 0.
    """
    said = {s.source: s.probability for s in seen_by if s.probability is not None}
    said[SEGMENTATION_SOURCE] = peak
    weights = {source.name: source.weight for source in sources}
    if fusion.rule == "highest":
        told = [weights[name] * p for name, p in said.items() if weights[name] > 0]
        return max(told) if told else peak
    total = sum(weights.values())
    return sum(weights[name] * p for name, p in said.items()) / total if total > 0 else peak


def _as_detection(
    places: Sequence[_Place],
    own: Detection,
    dropped: Sequence[CandidateRecord],
    infos: Sequence[CandidateSourceInfo],
    fusion: FusionSettings,
) -> Detection:
    with_probability = {
        s.source for place in places for s in place.seen_by if s.probability is not None
    } | {SEGMENTATION_SOURCE}
    telling = [info for info in infos if info.name in with_probability]

    def pooled(place: _Place) -> float:
        return pooled_probability(place.candidate.peak_probability, place.seen_by, telling, fusion)

    ranked = sorted(places, key=lambda place: (-pooled(place), by_rank(place.candidate)))
    return replace(
        own,
        candidates=tuple(place.candidate for place in ranked),
        dropped=(*dropped, *own.dropped),
        points_lps_mm=tuple(place.look_at_lps_mm for place in ranked),
        masses=frozenset(n for n, place in enumerate(ranked) if place.crop_spacing_mm is not None),
        outlines=tuple(None if place.is_own else place.outline for place in ranked),
        outlined_by=tuple(place.outlined_by for place in ranked),
        seen_by=tuple(place.seen_by for place in ranked),
        pooled=tuple(pooled(place) for place in ranked),
    )


def _own_place(n: int, scan: ScanViews, settings: ChainSettings, own: Detection) -> _Place:
    candidate, point = own.candidates[n], own.points_lps_mm[n]
    threshold = settings.operating_points.segmentation_voxel.threshold
    outline = Outline(
        *native_mask(candidate, own.probability, own.grid, scan.volume.geometry, threshold)
    )
    sighting = Sighting(
        source=SEGMENTATION_SOURCE,
        probability=candidate.peak_probability,
        center_lps_mm=candidate.center_mm,
    )
    spacing_mm = scan.crop_spacing_mm(point, 0.0) if n in own.masses else None
    return _Place(candidate, outline, "segmentation", point, spacing_mm, (sighting,), True)


def _marked_place(
    mark: Mark,
    source: str,
    scan: ScanViews,
    models: Models,
    settings: ChainSettings,
    seen: SeenAlready,
) -> _Place:
    """What a mark is on the volume's grid."""
    volume = scan.volume
    sighting = Sighting(
        source=source, probability=mark.probability, center_lps_mm=mark.center_lps_mm
    )
    if mark.voxels is None:
        at = outline_at_point(scan, models, settings, mark.center_lps_mm, seen)
        outline = Outline(at.box, at.mask)
        candidate = _on_volume(outline, volume.geometry, at.peak_probability)
        return _Place(candidate, outline, at.outlined_by, at.look_at_lps_mm, None, (sighting,))
    outline = _carried(mark.voxels, volume.geometry)
    peak = _peak_in(outline, volume.geometry, seen)
    if peak is None:
        at = outline_at_point(scan, models, settings, mark.center_lps_mm)
        peak = at.peak_probability
    candidate = _on_volume(outline, volume.geometry, peak)
    spacing_mm = _mass_spacing_mm(candidate, settings)
    return _Place(candidate, outline, "source", candidate.center_mm, spacing_mm, (sighting,))


def _mass_spacing_mm(candidate: Candidate, settings: ChainSettings) -> float | None:
    """Of the crops in which the classifiers see a mass that a source outlines."""
    masses = settings.pipeline.masses
    if masses is None or candidate.equivalent_diameter_mm < masses.own_diameter_mm:
        return None
    wanted_mm = candidate.equivalent_diameter_mm / masses.crop_voxels
    return min(masses.spacings_mm, key=lambda mm: abs(mm - wanted_mm))


def _carried(voxels: MarkedVoxels, target: Geometry) -> Outline:
    """The voxels of a source on the volume's grid."""
    values = np.ones(voxels.mask.shape, np.float32)
    part = voxels.grid.cropped([s.start for s in voxels.box], voxels.mask.shape)
    whole = box_between((0, 0, 0), voxels.mask.shape)
    candidate = make_candidate(values, whole, voxels.mask, part.affine_lps, part.voxel_volume_mm3)
    return Outline(*native_mask(candidate, values, part, target, 0.5))


def _on_volume(outline: Outline, geometry: Geometry, peak: float) -> Candidate:
    index = np.argwhere(outline.mask).mean(axis=0) + [s.start for s in outline.box]
    i, r, c = (float(v) for v in index)
    x, y, z = (float(v) for v in geometry.index_to_lps(index))
    return Candidate(
        center_mm=(x, y, z),
        center_index=(i, r, c),
        box=outline.box,
        mask=outline.mask,
        volume_mm3=float(outline.mask.sum()) * geometry.voxel_volume_mm3,
        peak_probability=peak,
        mean_probability=peak,
    )


def _peak_in(outline: Outline, geometry: Geometry, seen: SeenAlready) -> float | None:
    """The segmentation's highest probability in an outline; None where it has not looked there."""
    index = np.argwhere(outline.mask) + [s.start for s in outline.box]
    at = np.rint(seen.grid.lps_to_index(geometry.index_to_lps(index))).astype(int)
    at = at[np.all((at >= 0) & (at < seen.grid.shape_irc), axis=1)]
    i, r, c = at.T
    if not seen.searched[i, r, c].any():
        return None
    return float(seen.probability[i, r, c].max())


def _put(place: _Place, places: list[_Place], fusion: FusionSettings, mask_counts: bool) -> None:
    """Add a mark to the nearest place that it hits, or as a new one."""
    hit = [n for n, one in enumerate(places) if _same(one, place, fusion.overlap_share)]
    if not hit:
        places.append(place)
        return
    nearest = min(hit, key=lambda n: _distance_mm(places[n], place))
    there = places[nearest]
    known = {one.source for one in there.seen_by}
    seen_by = (*there.seen_by, *(one for one in place.seen_by if one.source not in known))
    takes_place = there.outlined_by != "source" and place.outlined_by == "source"
    if takes_place and (mask_counts or not there.is_own):
        spacing_mm = there.crop_spacing_mm or place.crop_spacing_mm
        peak = max(there.candidate.peak_probability, place.candidate.peak_probability)
        candidate = replace(place.candidate, peak_probability=peak)
        there = replace(place, candidate=candidate, crop_spacing_mm=spacing_mm)
    places[nearest] = replace(there, seen_by=seen_by)


def _distance_mm(one: _Place, other: _Place) -> float:
    return float(np.linalg.norm(np.subtract(one.candidate.center_mm, other.candidate.center_mm)))


def _same(one: _Place, other: _Place, overlap_share: float) -> bool:
    """Whether two are one nodule."""
    diameters_mm = [p.candidate.equivalent_diameter_mm for p in (one, other)]
    if _distance_mm(one, other) < max(diameters_mm) / 2:
        return True
    a, b = one.outline, other.outline
    if any(s.stop <= t.start or t.stop <= s.start for s, t in zip(a.box, b.box, strict=True)):
        return False
    around = enclosing([a.box, b.box])
    both = np.zeros(tuple(s.stop - s.start for s in around), bool)
    both[relative(a.box, around)] = a.mask
    common = int((both[relative(b.box, around)] & b.mask).sum())
    return common >= overlap_share * min(int(a.mask.sum()), int(b.mask.sum()))


def _too_small(place: _Place, settings: ChainSettings) -> CandidateRecord:
    reason = f"dropped: smaller than {settings.pipeline.min_candidate_volume_mm3:g} mm3"
    return record_of(place.candidate, None, None, None, reason, place.seen_by)


def _marked_by_none(place: _Place) -> CandidateRecord:
    reason = "dropped: none of the given candidates marks it"
    return record_of(place.candidate, None, None, None, reason, place.seen_by)
