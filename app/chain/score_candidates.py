"""The first half of the chain: candidates, and the probability that each is a nodule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nodulus.app.chain.models import Models
from nodulus.app.chain.nodule_probability import combine
from nodulus.app.chain.protocols import Detection
from nodulus.app.chain.recalibration import recalibrated
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.chain.timed_steps import Steps
from nodulus.transforms.candidates import Candidate


@dataclass(frozen=True, eq=False)
class ScoredCandidates:
    """Candidates with their probabilities.

    Args:
        detection: of the detector.
        nodule: the pooled nodule probability of each candidate, float64, shape (candidates,).
        classifier: the nodule classifier's alone, same shape.
    """

    detection: Detection
    nodule: NDArray[np.float64]
    classifier: NDArray[np.float64]

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The detector's candidates."""
        return self.detection.candidates


def score_candidates(
    scan: ScanViews, models: Models, settings: ChainSettings, steps: Steps | None = None
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
    """
    steps = Steps() if steps is None else steps
    detection = models.detector.detect(scan, settings, steps)
    peaks = [c.peak_probability for c in detection.candidates]
    point = settings.operating_points.nodule
    least = settings.pipeline.neighbour_crops_share * point.threshold

    def probability(classifier: NDArray[np.float64]) -> NDArray[np.float64]:
        pooled = combine(peaks, classifier, settings.pipeline.segmentation_share)
        return recalibrated(pooled, point.temperature, point.offset)

    with steps("nodule") as report:
        classifier = models.nodule_classifier.rate(
            scan,
            detection.points_lps_mm,
            settings.pipeline.crop_batch,
            report,
            lambda seen: probability(seen) >= least,
        )
        nodule = probability(classifier)
    return ScoredCandidates(detection, nodule, classifier)
