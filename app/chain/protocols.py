"""What a detector and a classifier of the chain are.

Another one is a class with the same method, and a line in ``app/chain/models.py`` that says which
``input_kind`` of a bundle it serves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.chain.timed_steps import Steps
from nodulus.app.explanation import Crop
from nodulus.app.progress import Progress
from nodulus.app.result import CandidateRecord, OutlinedBy, Sighting
from nodulus.transforms.blocks import Box
from nodulus.transforms.candidates import Candidate
from nodulus.transforms.geometry import Geometry


@dataclass(frozen=True, eq=False)
class Outline:
    """Voxels on the volume's grid.

    Args:
        box: of the volume.
        mask: bool, shape of the box, at least one voxel.
    """

    box: Box
    mask: NDArray[np.bool_]


NeedsNeighbours = Callable[[NDArray[np.float64]], NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class Detection:
    """Where a detector sees something.

    Args:
        probability: float32, shape of ``grid``: 'nodule' per voxel; 0 where it did not look.
        grid: a grid over the volume's axes, any order, direction and spacing.
        candidates: on that grid, by falling probability; centres in LPS mm.
        dropped: records of candidates that no classifier is to see.
        points_lps_mm: where the classifiers look at each candidate, LPS mm.
        masses: which of the candidates are masses that a coarse pass found, or another source
            outlines.
        outlines: where other sources took part, for each candidate its outline on the volume's
            grid where it is not that of the probability; its box and mask are then of that grid.
        outlined_by: likewise, how the outline was made.
        seen_by: likewise, which sources mark it.
        pooled: likewise, the probability that the sources together give it.
    """

    probability: NDArray[np.float32]
    grid: Geometry
    candidates: tuple[Candidate, ...]
    dropped: tuple[CandidateRecord, ...]
    points_lps_mm: tuple[tuple[float, float, float], ...]
    masses: frozenset[int] = frozenset()
    outlines: tuple[Outline | None, ...] = ()
    outlined_by: tuple[OutlinedBy, ...] = ()
    seen_by: tuple[tuple[Sighting, ...], ...] = ()
    pooled: tuple[float, ...] = ()

    def given_outline(self, number: int) -> Outline | None:
        """A candidate's outline by another source, on the volume's grid; None for its own."""
        return self.outlines[number] if self.outlines else None


class Detector(Protocol):
    """From a volume to candidates."""

    def detect(self, scan: ScanViews, settings: ChainSettings, steps: Steps) -> Detection:
        """Look for nodules.

        Args:
            scan: the volume, where to look, its views.
            settings: thresholds and batch sizes.
            steps: each part of the work runs in a step of its own.
        """
        ...


class Classifier(Protocol):
    """From points in a volume to probabilities."""

    def rate(
        self,
        scan: ScanViews,
        points_lps_mm: Sequence[Sequence[float]],
        batch: int,
        report: Progress,
        needs_neighbours: NeedsNeighbours | None = None,
    ) -> NDArray[np.float64]:
        """Probability for each point.

        Args:
            scan: the volume and its views.
            points_lps_mm: LPS mm, each of three numbers.
            batch: points in one forward pass.
            report: called with (crops done, crops in all).
            needs_neighbours: given the probabilities of each point's nearest voxel, for which
                points the crops at the neighbouring voxels count as well; None: all.

        Returns:
            float64, shape (points,).
        """
        ...

    def crop(self, scan: ScanViews, point_lps_mm: Sequence[float]) -> Crop:
        """What the network is given for a point.

        Args:
            scan: the volume and its views.
            point_lps_mm: LPS mm.
        """
        ...

    def judge(self, inputs: torch.Tensor) -> torch.Tensor:
        """Probabilities, shape (B,), for inputs of the network, shape (B, 1, *crop)."""
        ...
