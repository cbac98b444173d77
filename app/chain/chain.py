"""The chain as one object: the networks and the settings, loaded once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nodulus.app.chain.analyse import analyse
from nodulus.app.chain.analysis import Analysis
from nodulus.app.chain.models import load_models
from nodulus.app.chain.settings import load_settings
from nodulus.app.marks import CandidateSource, OtherCandidates
from nodulus.app.progress import StepProgress
from nodulus.app.result import PointName
from nodulus.app.volume import CtVolume


class Chain:
    """Finds and rates the nodules of chest CTs; the networks are loaded once.

    Args:
        models: a folder with the bundles ``segmentation``, ``nodule`` and ``malignancy``; None for
            the shipped ones.
        settings: a folder with ``pipeline.json``, ``operating_points.json`` or ``lungs.json``; None
            for the shipped ones.
        device: ``cpu``, ``cuda``, ``cuda:1`` or ``auto`` (CUDA where there is one).
        operating_point: ``sensitive``, ``balanced`` or ``specific``; None for the settings' own.

    Raises:
        NodulusError: ``model-not-found``, ``model-invalid`` or ``settings-invalid``.

    Examples:
        >>> import nodulus
        >>> chain = nodulus.Chain(device="cpu")
        >>> 0 < chain.settings.operating_points.nodule.threshold < 1
        True
    """

    def __init__(
        self,
        models: Path | None = None,
        settings: Path | None = None,
        device: str = "auto",
        operating_point: PointName | None = None,
    ) -> None:
        self.settings = load_settings(settings, operating_point=operating_point)
        self.models = load_models(models, device, self.settings.pipeline.precision)

    def analyse(
        self,
        volume: CtVolume,
        progress: StepProgress | None = None,
        *,
        candidates: Sequence[CandidateSource] = (),
        candidates_only: bool = False,
    ) -> Analysis:
        """Find and rate the nodules of one chest CT.

        Args:
            volume: Hounsfield units with their place in the patient, from
                `nodulus.load_volume`.
            progress: called with (step, done, total) while it works.
            candidates: sources of further candidates, from `nodulus.open_candidates`.
            candidates_only: what none of them marks is no candidate.

        Returns:
            The findings, ranked by malignancy with the highest first, and what led to them.

        Raises:
            NodulusError: ``no-lungs`` where the volume shows none; ``candidates-invalid`` where
                candidates cannot be of this scan.
        """
        others = OtherCandidates(tuple(candidates), candidates_only)
        return analyse(volume, self.models, self.settings, progress, others=others)
