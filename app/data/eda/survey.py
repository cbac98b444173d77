"""All that the report says, put together."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.eda.duplicates import Duplicates, find_duplicates
from nodulus.app.data.eda.scan_facts import HuLevels, ScanFacts, scan_facts
from nodulus.app.data.eda.scan_image import read_scan_image
from nodulus.app.data.eda.split_balance import SplitBalance, split_balance
from nodulus.app.data.eda.suspicions import Suspicion, SuspicionKind, broken, find_suspicions
from nodulus.app.data.eda.tallies import (
    Counts,
    MalignancyBySize,
    Summary,
    VolumeShares,
    count,
    count_fact,
    count_sizes,
    malignancy_by_size,
    spacing,
    summarise,
    volume_shares,
)
from nodulus.bundles.common.data import cache_folder
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.data.tables import Point
from nodulus.bundles.common.splits import Side

SCHEMA_VERSION = 1
FACTS = ("kernel", "manufacturer")


@dataclass(frozen=True)
class NoduleRow:
    """One nodule, for plots and pictures.

    Args:
        study: index of its study.
        series_uid: its series.
        center_lps_mm: its centre.
        diameter_mm: its diameter.
        malignancy: median rating, 1 to 5, None where unknown.
        label: its value in the mask, None where unknown.
        side: ``left``, ``right`` or None.
        position: see :class:`nodulus.app.data.eda.scan_facts.NodulePlace`.
        core_hu: mean HU of its middle.
    """

    study: int
    series_uid: str
    center_lps_mm: Point
    diameter_mm: float
    malignancy: float | None
    label: int | None
    side: str | None
    position: Point | None
    core_hu: float | None


@dataclass(frozen=True)
class ScanRow:
    """One scan: its spacing between slices and pixels, mm, its HU and its number of nodules."""

    series_uid: str
    spacing_mm: tuple[float, float] | None
    kernel: str | None
    nodules: int
    hu: HuLevels | None


@dataclass(frozen=True, eq=False)
class Survey:
    """What is in the training data.

    Args:
        counts: scans, patients, nodules, candidates.
        diameters: of the nodules, mm.
        sizes: nodules by size class and malignancy class.
        malignancy: against diameter.
        lungs: nodules in the ``left`` and ``right`` lung, or at neither (``unknown``).
        volumes: of all scans that could be read.
        slice_spacing: mm.
        pixel_spacing: mm.
        facts: how often each kernel and manufacturer occurs.
        split: by side.
        duplicates: what is there more than once.
        suspicions: what looks wrong.
        problems: kinds of problems that preparation reported, and how many.
        nodules: one row each.
        scans: one row each.
        projections: mean over the scans of what
            :class:`nodulus.app.data.eda.scan_facts.ScanFacts` has, None without lungs.
    """

    counts: Counts
    diameters: Summary | None
    sizes: Mapping[str, Mapping[str, int]]
    malignancy: MalignancyBySize
    lungs: Mapping[str, int]
    volumes: VolumeShares
    slice_spacing: Summary | None
    pixel_spacing: Summary | None
    facts: Mapping[str, Mapping[str, int]]
    split: SplitBalance
    duplicates: Duplicates
    suspicions: tuple[Suspicion, ...]
    problems: Mapping[str, int]
    nodules: tuple[NoduleRow, ...]
    scans: tuple[ScanRow, ...]
    projections: NDArray[np.float64] | None

    def suspicions_by_kind(self) -> dict[SuspicionKind, list[Suspicion]]:
        """The suspicious cases of each kind that occurs."""
        return {
            kind: cases
            for kind in SuspicionKind
            if (cases := [case for case in self.suspicions if case.kind is kind])
        }

    def to_json(self) -> dict[str, Any]:
        """All numbers as JSON values."""
        content = {name: value for name, value in vars(self).items() if name != "projections"}
        return {"schema_version": SCHEMA_VERSION, **{k: _plain(v) for k, v in content.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return asdict(value)
    return value


def inspect_study(study: Study) -> tuple[ScanFacts | None, tuple[Suspicion, ...]]:
    """Read a study's image and measure it; the facts are None where it cannot be read."""
    try:
        facts = scan_facts(study, read_scan_image(study))
    except (OSError, ValueError) as error:
        return None, (broken(study, error),)
    return facts, find_suspicions(study, facts)


def survey(
    studies: Sequence[Study],
    looks: Sequence[tuple[ScanFacts | None, tuple[Suspicion, ...]]],
    sides: Mapping[str, Side],
    split_source: str | None,
) -> Survey:
    """Put the numbers together.

    Args:
        studies: all studies.
        looks: what :func:`inspect_study` gave for each.
        sides: of each patient.
        split_source: name of the file that they come from, None where they were drawn.
    """
    facts = [found for found, _ in looks]
    known = [found for found in facts if found is not None]
    nodules = [nodule for study in studies for nodule in study.nodules]
    rows = tuple(_nodule_rows(studies, facts))
    sides_seen = Counter(row.side or "unknown" for row in rows)
    scans = tuple(
        ScanRow(
            study.series_uid,
            spacing(study, found),
            study.facts.get("kernel"),
            len(study.nodules),
            None if found is None else found.hu,
        )
        for study, found in zip(studies, facts, strict=True)
    )
    spacings = [row.spacing_mm for row in scans if row.spacing_mm is not None]
    shapes = [found.projections for found in known if found.projections is not None]
    hashes = [None if found is None else found.voxels_sha256 for found in facts]
    return Survey(
        counts=count(studies),
        diameters=summarise([nodule.diameter_mm for nodule in nodules]),
        sizes=count_sizes(nodules),
        malignancy=malignancy_by_size(nodules),
        lungs={name: sides_seen[name] for name in ("right", "left", "unknown")},
        volumes=volume_shares(known),
        slice_spacing=summarise([s for s, _ in spacings]),
        pixel_spacing=summarise([p for _, p in spacings]),
        facts={name: count_fact(studies, name) for name in FACTS},
        split=split_balance(studies, sides, split_source),
        duplicates=find_duplicates(studies, hashes, sides),
        suspicions=tuple(case for _, cases in looks for case in cases),
        problems=_problems(studies),
        nodules=rows,
        scans=scans,
        projections=np.mean(shapes, axis=0) if shapes else None,
    )


def _nodule_rows(
    studies: Sequence[Study], facts: Sequence[ScanFacts | None]
) -> Iterator[NoduleRow]:
    for index, (study, found) in enumerate(zip(studies, facts, strict=True)):
        places = [None] * len(study.nodules) if found is None else found.nodules
        for nodule, place in zip(study.nodules, places, strict=True):
            yield NoduleRow(
                index,
                study.series_uid,
                nodule.center_lps_mm,
                nodule.diameter_mm,
                nodule.malignancy,
                nodule.label,
                None if place is None else place.side,
                None if place is None else place.position,
                None if place is None else place.core_hu,
            )


def _problems(studies: Sequence[Study]) -> dict[str, int]:
    """The kinds in the ``problems.csv`` of each training cache."""
    kinds: Counter[str] = Counter()
    for folder in sorted({study.folder for study in studies if study.folder and study.prepared}):
        path: Path = folder / cache_folder.PROBLEMS
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                kinds.update(row["kind"] for row in csv.DictReader(file) if row.get("kind"))
    return dict(sorted(kinds.items(), key=lambda item: (-item[1], item[0])))
