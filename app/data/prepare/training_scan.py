"""One scan to prepare: what is known before it is read, and what reading it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.prepare.problems import Problem
from nodulus.bundles.common.data.tables import ExcludedFinding, LabelledCandidate, Nodule
from nodulus.transforms.geometry import Geometry


class LabelSource(str, Enum):
    """Where a label map comes from."""

    OUTLINES = "outlines"
    """Readers' contours, drawn on the scan's own slices."""

    MASK = "mask"
    """A mask that came with the scan."""

    SPHERES = "spheres"
    """Balls of the nodules' diameters: all that LUNA16's own tables say."""


@dataclass(frozen=True, eq=False)
class LoadedScan:
    """A scan in memory.

    Args:
        hu: shape (I, R, C), Hounsfield units, any number type.
        geometry: of ``hu``.
        labels: uint8 on the same grid: 0 background, n nodule n, 255 ignored; None where there
            is no mask, and spheres are drawn.
        label_source: where ``labels`` come from.
        nodules: takes the place of the scan's own list where not None: for a loader that only
            knows afterwards which label is which nodule.
        problems: what was found wrong while reading, and mended.
    """

    hu: NDArray[Any]
    geometry: Geometry
    labels: NDArray[np.uint8] | None = None
    label_source: LabelSource = LabelSource.MASK
    nodules: tuple[Nodule, ...] | None = None
    problems: tuple[Problem, ...] = ()

    def __post_init__(self) -> None:
        shape = self.geometry.shape_irc
        if self.hu.shape != shape:
            raise ValueError(f"hu has shape {self.hu.shape}, its geometry {shape}")
        if self.labels is not None and self.labels.shape != shape:
            raise ValueError(f"labels have shape {self.labels.shape}, the image {shape}")


@dataclass(frozen=True, eq=False)
class TrainingScan:
    """One CT series to prepare, picklable, so that any process can do it.

    Args:
        series_uid: SeriesInstanceUID, or a name that can be a file name; names the prepared file.
        patient_id: the patient, by a name that identifies nobody (see
            :mod:`nodulus.bundles.common.patient_tokens`); splits go by it.
        load: reads it; a function of a module or a ``functools.partial`` of one. May raise
            :class:`ScanError`, ``ValueError`` or ``OSError``, and the scan is skipped and
            reported.
        source_files: every file that ``load`` reads, hashed to know whether the prepared file is
            still right.
        recipe: what else decides what ``load`` returns, such as the readers' agreement.
        nodules: annotated nodules, LPS mm. A nodule whose ``label`` is None gets that of the
            mask at its centre.
        candidates: with the truth about them.
        excluded: findings that are neither nodule nor background; ignored (255) in the label map.
        fold: number of the fold that the data brings along, LUNA16's subset.
        facts: free columns of studies.csv, such as ``manufacturer``, ``kernel``,
            ``slice_thickness_mm``; no patient identity.
        table: the file that the nodules come from, for messages.
        table_rows: the line of each nodule in it; empty where unknown.
        whole: whether it shows whole lungs, which then are looked for; of a part of them, cut out
            around a nodule, all counts as lung.
    """

    series_uid: str
    patient_id: str
    load: Callable[[], LoadedScan]
    source_files: tuple[Path, ...]
    recipe: str = ""
    nodules: tuple[Nodule, ...] = ()
    candidates: tuple[LabelledCandidate, ...] = ()
    excluded: tuple[ExcludedFinding, ...] = ()
    fold: int | None = None
    facts: Mapping[str, str | float | int] = field(default_factory=dict)
    table: Path | None = None
    table_rows: tuple[int, ...] = ()
    whole: bool = True
