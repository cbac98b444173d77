"""The chain: one call from a volume to findings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nodulus.app.chain.analysis import Analysis
from nodulus.app.chain.candidate_records import describe_candidates
from nodulus.app.chain.characteristics import rate_characteristics
from nodulus.app.chain.explain import Occlusion, explain
from nodulus.app.chain.findings import Scored, build_findings
from nodulus.app.chain.lung_coverage import lung_coverage
from nodulus.app.chain.lung_warnings import lung_warnings
from nodulus.app.chain.models import Models
from nodulus.app.chain.native_mask import mask_diameter_mm, outline_of
from nodulus.app.chain.protocols import Detection, Outline
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.score_candidates import rate_malignancy, score_candidates
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.chain.sure_masses import sure_masses
from nodulus.app.chain.timed_steps import Steps
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.explanation import CandidateCrops, Sensitivity
from nodulus.app.marks import OWN_CANDIDATES, OtherCandidates
from nodulus.app.progress import StepProgress
from nodulus.app.result import Finding
from nodulus.app.volume import CtVolume, VolumeWarning
from nodulus.transforms.closed_lungs import LungBound
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lungs import find_lungs


def analyse(
    volume: CtVolume,
    models: Models,
    settings: ChainSettings,
    progress: StepProgress | None = None,
    *,
    occlusion: Occlusion | None = None,
    keep_crops: bool = False,
    others: OtherCandidates = OWN_CANDIDATES,
) -> Analysis:
    """Find and rate the nodules of one chest CT.

    Lung region, candidates of the detector inside it, nodule or not, malignant or not,
    measurements on the scanner's own grid. Where the settings say so the detector looks everywhere;
    the lungs then only tell the side, and that it is a chest.

    Args:
        volume: Hounsfield units with their place in the patient.
        models: the three networks.
        settings: pipeline settings and operating points.
        progress: called with (step, done, total) while it works.
        occlusion: also explain what the classifiers' answers rest on, by covering parts.
        keep_crops: also keep what the classifiers saw.
        others: candidates of other sources, beside the segmentation's or in their place.

    Returns:
        The findings and everything that led to them.

    Raises:
        NodulusError: ``no-lungs`` where the volume shows none; ``candidates-invalid`` where those
            of another source cannot be of this scan.
    """
    pipeline, points = settings.pipeline, settings.operating_points
    steps = Steps(progress)
    with steps("lungs"):
        lungs = _find_lungs(volume, settings)
    coverage = lung_coverage(lungs, pipeline.coverage)
    scan = ScanViews(volume, lungs if pipeline.search == "lungs" else None, pipeline.lung_margin_mm)
    found = score_candidates(scan, models, settings, steps, others)
    candidates, nodule, classified = found.candidates, found.nodule, found.classifier
    looked_at = found.detection.points_lps_mm
    sure = sure_masses(found.detection, scan.search_region, pipeline.masses)
    is_sure = np.isin(np.arange(len(candidates)), list(sure))
    kept = np.flatnonzero((nodule >= points.nodule.threshold) | is_sure)
    with steps("malignancy") as report:
        bound = pipeline.lung_bound(lungs)
        outlines = [_outline(volume, found.detection, int(i), settings, bound) for i in kept]
        chosen = [looked_at[i] for i in kept]
        sizes = [mask_diameter_mm(outline.mask, volume.geometry) for outline in outlines]
        malignancy = rate_malignancy(scan, models, settings, chosen, sizes, report)
        looks = rate_characteristics(scan, chosen, models, pipeline.characteristics)
    with steps("measurements"):
        scored = [
            Scored(candidates[i], outline, float(nodule[i]), float(classified[i]), float(m), look)
            for i, outline, m, look in zip(kept, outlines, malignancy, looks, strict=True)
        ]
        measured, labels = build_findings(volume, scored, lungs, points, pipeline)
    if found.sources:
        measured = [
            None if f is None else _told(f, found.detection, int(i))
            for i, f in zip(kept, measured, strict=True)
        ]
    outcome: list[Finding | None] = [None] * len(candidates)
    for position, finding in zip(kept, measured, strict=True):
        outcome[position] = finding
    ranked = sorted(
        ((f, looked_at[i]) for i, f in zip(kept, measured, strict=True) if f is not None),
        key=lambda pair: pair[0].id,
    )
    findings, sensitivities = [f for f, _ in ranked], list[Sensitivity]()
    if occlusion is not None:
        with steps("explanation") as report:
            findings, sensitivities = explain(
                scan, ranked, labels, models, occlusion, pipeline.crop_batch, report
            )
    crops = _crops(scan, models, looked_at, set(kept.tolist())) if keep_crops else ()
    return Analysis(
        findings=tuple(findings),
        labels=labels,
        candidates=(
            *describe_candidates(
                candidates,
                nodule,
                classified,
                outcome,
                points.nodule.threshold,
                sure,
                found.detection.seen_by,
            ),
            *found.detection.dropped,
        ),
        lungs=lungs,
        probability=found.detection.probability,
        probability_geometry=found.detection.grid,
        coverage=coverage,
        warnings=(
            *volume.warnings,
            *lung_warnings(lungs, coverage, pipeline.usual_lungs),
            *found.warnings,
            *_without_outline(findings),
        ),
        timings_s=steps.timings_s,
        sensitivities=tuple(sensitivities),
        crops=crops,
        sources=found.sources,
    )


def _outline(
    volume: CtVolume,
    detection: Detection,
    number: int,
    settings: ChainSettings,
    bound: LungBound | None,
) -> Outline:
    """A candidate's outline on the volume's grid.

    Masses are drawn by their density already, and other tools' outlines are theirs.
    """
    given = detection.given_outline(number)
    if given is not None:
        return given
    is_mass = number in detection.masses
    return Outline(
        *outline_of(
            detection.candidates[number],
            detection.probability,
            detection.grid,
            volume,
            settings.operating_points.segmentation_voxel.threshold,
            None if is_mass else settings.pipeline.outline_rule(),
            bound,
        )
    )


def _told(finding: Finding, detection: Detection, candidate: int) -> Finding:
    """A finding with who has seen it, and how it was outlined."""
    return finding.model_copy(
        update={
            "seen_by": detection.seen_by[candidate],
            "outlined_by": detection.outlined_by[candidate],
        }
    )


def _without_outline(findings: Sequence[Finding]) -> list[VolumeWarning]:
    numbers = [str(f.id) for f in findings if f.outlined_by == "ball"]
    if not numbers:
        return []
    plural = len(numbers) > 1
    return [
        VolumeWarning(
            "outline-unknown",
            f"Finding{'s' if plural else ''} {', '.join(numbers)}: no outline was found at the"
            f" marked place, and a ball stands for it; {'their' if plural else 'its'} size and"
            " density were not measured.",
        )
    ]


def _crops(
    scan: ScanViews, models: Models, points_lps_mm: Sequence[Sequence[float]], passed: set[int]
) -> tuple[CandidateCrops, ...]:
    nodule, malignancy = models.nodule_classifier, models.malignancy_classifier
    return tuple(
        CandidateCrops(
            nodule.crop(scan, point),
            malignancy.crop(scan, point) if i in passed else None,
        )
        for i, point in enumerate(points_lps_mm)
    )


def _find_lungs(volume: CtVolume, settings: ChainSettings) -> LungRegion:
    min_volume_ml = settings.pipeline.min_lung_volume_ml
    lungs = find_lungs(volume.hu, volume.geometry, settings.lungs)
    volume_ml = 0.0 if lungs is None else lungs.volume_ml
    if lungs is not None and any(lungs.touches_ends):
        # The bases above an abdomen, or an apex below a neck, are little lung, and lung.
        min_volume_ml = min(min_volume_ml, settings.pipeline.min_cut_lung_volume_ml)
    if lungs is None or volume_ml < min_volume_ml:
        raise NodulusError(
            ErrorCode.NO_LUNGS,
            f"the volume shows {volume_ml:.0f} ml of lung, and a CT of the chest or of a part of it"
            f" shows at least {min_volume_ml:.0f} ml.",
            remedy="Give a CT of the chest; a head, abdomen or phantom scan cannot be analysed.",
            subject=volume.series_uid,
        )
    return lungs
