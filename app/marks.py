"""What other tools mark in a CT: the interface between a volume and candidates of any origin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from nodulus.app.progress import Progress
from nodulus.app.result import LpsPoint, SourceForm
from nodulus.app.volume import CtVolume, VolumeWarning
from nodulus.transforms.blocks import Box
from nodulus.transforms.geometry import Geometry


@dataclass(frozen=True, eq=False)
class MarkedVoxels:
    """The voxels of a mark on the grid of its source, whatever that is.

    Args:
        grid: of the source.
        box: of that grid.
        mask: bool, shape of the box, at least one voxel.
    """

    grid: Geometry
    box: Box
    mask: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Mark:
    """A place where a source sees something.

    Args:
        center_lps_mm: LPS mm.
        probability: that it is a nodule, 0 to 1; None where the source says none.
        voxels: its outline; None for a point.
    """

    center_lps_mm: LpsPoint
    probability: float | None = None
    voxels: MarkedVoxels | None = None


@dataclass(frozen=True, eq=False)
class Marks:
    """What a source marks in one scan.

    Args:
        marks: in any order.
        warnings: what a reader of the result must know of them.
        algorithm: what made them, where the source says so.
    """

    marks: tuple[Mark, ...]
    warnings: tuple[VolumeWarning, ...] = ()
    algorithm: str | None = None


class CandidateSource(Protocol):
    """From a volume to marks: a file of another tool, or a detector that runs.

    A detector of one's own is a class with these three attributes and this method.

    Attributes:
        name: by which results call it; not that of the chain's own segmentation.
        form: what it is.
        sha256: checksum of its file or its weights; None where there is none.
    """

    @property
    def name(self) -> str:
        """By which results call it."""
        ...

    @property
    def form(self) -> SourceForm:
        """What it is."""
        ...

    @property
    def sha256(self) -> str | None:
        """Checksum of its file or its weights."""
        ...

    def marks(self, volume: CtVolume, report: Progress) -> Marks:
        """Give what it marks in a scan.

        Args:
            volume: the scan; marks lie in its patient space.
            report: called with (parts done, parts in all).

        Raises:
            NodulusError: its marks cannot be those of this scan.
        """
        ...


@runtime_checkable
class ScanSources(Protocol):
    """Sources that differ from scan to scan, such as a folder with files of many studies."""

    @property
    def name(self) -> str:
        """By which results call them."""
        ...

    def of_scan(self, volume: CtVolume) -> tuple[Sequence[CandidateSource], list[VolumeWarning]]:
        """Give those of one scan, and what a reader of its result must know.

        Args:
            volume: the scan.

        Raises:
            NodulusError: what is of this scan cannot be used.
        """
        ...


StudySources = Callable[[Sequence[Path]], ScanSources]
"""Gives the sources that a study's own objects (DICOM SEG, RTSTRUCT, SR) are."""


@dataclass(frozen=True)
class OtherCandidates:
    """Candidates beside, or in the place of, those of the chain's own segmentation.

    Args:
        sources: of different names.
        only: what no one of them marks is no candidate.
        of_study: what makes sources of the objects that came with the images; None to leave
            these alone.
    """

    sources: Sequence[CandidateSource | ScanSources] = ()
    only: bool = False
    of_study: StudySources | None = None

    def with_objects(self, objects: Sequence[Path]) -> OtherCandidates:
        """Take the objects of a study for a source, where they are wanted.

        Args:
            objects: files of DICOM SEG, RTSTRUCT and SR.
        """
        if self.of_study is None:
            return self
        return replace(self, sources=(*self.sources, self.of_study(objects)), of_study=None)

    def of_scan(self, volume: CtVolume) -> tuple[list[CandidateSource], list[VolumeWarning]]:
        """Give the sources of one scan, and what a reader of its result must know of them.

        Args:
            volume: the scan.

        Raises:
            NodulusError: what is of this scan cannot be used.
        """
        sources: list[CandidateSource] = []
        warnings: list[VolumeWarning] = []
        for one in self.sources:
            if isinstance(one, ScanSources):
                found, notes = one.of_scan(volume)
                sources += found
                warnings += notes
            else:
                sources.append(one)
        return sources, warnings


class OpensCandidates(Protocol):
    """Opens candidates where they are wanted, in a worker's process too; can be pickled."""

    def open(self) -> OtherCandidates:
        """Open them.

        Raises:
            NodulusError: a file cannot be used.
        """
        ...

    def fingerprint(self) -> str:
        """A checksum that changes with what they say.

        Raises:
            OSError: a file cannot be read.
        """
        ...


OWN_CANDIDATES = OtherCandidates()
"""Those of the chain's own segmentation alone."""
