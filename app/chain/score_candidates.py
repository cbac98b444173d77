"""Candidates, the probability that each is a nodule, and that it is malignant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.chain.fuse_candidates import fuse_candidates
from nodulus.app.chain.malignancy_probability import with_size
from nodulus.app.chain.models import Models
from nodulus.app.chain.nodule_probability import combine
from nodulus.app.chain.protocols import Detection
from nodulus.app.chain.recalibration import recalibrated
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.chain.timed_steps import Steps
from nodulus.app.marks import OWN_CANDIDATES, OtherCandidates
from nodulus.app.progress import Progress
from nodulus.app.result import CandidateSourceInfo
from nodulus.app.volume import VolumeWarning
from nodulus.transforms.candidates import Candidate


@dataclass(frozen=True, eq=False)
class ScoredCandidates:
    """Candidates with their probabilities.

    Args:
        detection: of the detector.
        nodule: the pooled nodule probability of each candidate, float64, shape (candidates,).
        classifier: the nodule classifier's alone, same shape.
        sources: where candidates came from, where there were several sources.
        warnings: of these sources.
    """

    detection: Detection
    nodule: NDArray[np.float64]
    classifier: NDArray[np.float64]
    sources: tuple[CandidateSourceInfo, ...] = ()
    warnings: tuple[VolumeWarning, ...] = ()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The detector's candidates."""
        return self.detection.candidates


def score_candidates(
    scan: ScanViews,
    models: Models,
    settings: ChainSettings,
    steps: Steps | None = None,
    others: OtherCandidates = OWN_CANDIDATES,
) -> ScoredCandidates:
    """Detect, and classify what was detected.

    ``score_candidates(ScanViews(volume, None, 0.0), ...)`` looks everywhere and needs no lung
    region: with models and settings of the book 'Deep Learning with PyTorch' it is the book's own
    chain.

    Args:
        scan: the volume and where to look.
        models: the detector and the nodule classifier are used.
        settings: pipeline settings and operating points.
        steps: tells and times.
        others: candidates of other sources.

    Raises:
        NodulusError: candidates of another source cannot be those of this scan.
    """
    steps = Steps() if steps is None else steps
    detection = models.detector.detect(scan, settings, steps)
    sources: tuple[CandidateSourceInfo, ...] = ()
    warnings: tuple[VolumeWarning, ...] = ()
    if others.sources:
        fused = fuse_candidates(scan, models, settings, detection, others, steps)
        detection, sources, warnings = fused.detection, fused.sources, fused.warnings
    peaks = detection.pooled or [c.peak_probability for c in detection.candidates]
    with steps("nodule") as report:
        nodule, classifier = rate_nodules(
            scan, models, settings, detection.points_lps_mm, peaks, report
        )
    return ScoredCandidates(detection, nodule, classifier, sources, warnings)


def rate_nodules(
    scan: ScanViews,
    models: Models,
    settings: ChainSettings,
    points_lps_mm: Sequence[Sequence[float]],
    peaks: Sequence[float],
    report: Progress,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The probability that what lies at each point is a nodule.

    Args:
        scan: the volume and its views.
        models: the nodule classifier is used.
        settings: pipeline settings and operating points.
        points_lps_mm: LPS mm, each of three numbers.
        peaks: the segmentation's highest voxel probability at each.
        report: called with (looks done, looks in all).

    Returns:
        The pooled probability and the classifier's alone, float64, shape (points,).
    """
    point = settings.operating_points.nodule
    least = settings.pipeline.neighbour_crops_share * point.threshold

    def probability(classifier: NDArray[np.float64]) -> NDArray[np.float64]:
        pooled = combine(peaks, classifier, settings.pipeline.segmentation_share)
        return recalibrated(pooled, point.temperature, point.offset)

    classifier = models.nodule_classifier.rate(
        scan,
        points_lps_mm,
        settings.pipeline.crop_batch,
        report,
        lambda seen: probability(seen) >= least,
    )
    return probability(classifier), classifier


def rate_malignancy(
    scan: ScanViews,
    models: Models,
    settings: ChainSettings,
    points_lps_mm: Sequence[Sequence[float]],
    diameters_mm: Sequence[float],
    report: Progress,
) -> NDArray[np.float64]:
    """The probability that the nodule at each point is malignant.

    Args:
        scan: the volume and its views.
        models: the malignancy classifier is used.
        settings: pipeline settings and operating points.
        points_lps_mm: LPS mm, each of three numbers.
        diameters_mm: of a ball of each one's volume.
        report: called with (points done, points in all).

    Returns:
        float64, shape (points,).
    """
    pipeline, point = settings.pipeline, settings.operating_points.malignancy
    rated = models.malignancy_classifier.rate(scan, points_lps_mm, pipeline.crop_batch, report)
    pooled = with_size(
        rated, diameters_mm, pipeline.malignancy_size_weight, pipeline.malignancy_neutral_mm
    )
    return recalibrated(pooled, point.temperature, point.offset)
