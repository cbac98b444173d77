"""Data folders as a list of studies.

A data folder is one of three:

- a training cache, written by ``nodulus prepare`` (see
:mod:`nodulus.bundles.common.data.cache_folder`);
- a folder of phantoms: LUNA16's layout in ``luna16/`` (``subset*/<seriesuid>.mhd`` and the CSV
  files) and beside it, where there are any, ``nodules.csv``, ``studies.csv``,
  ``masks/<seriesuid>.nii.gz`` and ``candidates_segmentation.csv``;
- LUNA16 as downloaded, without the folder ``luna16/``.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from nodulus.bundles.common.data import cache_folder
from nodulus.bundles.common.data.tables import (
    ExcludedFinding,
    LabelledCandidate,
    Nodule,
    read_annotations,
    read_candidates,
    read_excluded,
    read_nodules,
)

_OWN_COLUMNS = ("series_uid", "patient_id", "background", "fold")

_CHEST_MM = 100.0
"""No field of view with a lung in it is narrower."""

Row = TypeVar("Row", Nodule, LabelledCandidate, ExcludedFinding)


@dataclass(frozen=True)
class Study:
    """One CT series to learn from.

    Args:
        series_uid: DICOM SeriesInstanceUID.
        patient_id: the patient; the series UID where the folder names no patients.
        image: the CT, any format that SimpleITK reads; None in a training cache.
        mask: label map: 0 background, n nodule n, 255 to be ignored; None where there is none.
        nodules: annotated nodules.
        candidates: LUNA16's and the segmentation's candidates.
        folder: the data folder that it was read from.
        background: the real scan that nodules were inserted into, None where there is none.
        fold: number of the fold that the data brings along (LUNA16's subset), None where it
            brings none.
        prepared: the CT and its label map as a training cache holds them, None elsewhere.
        excluded: findings that are neither nodule nor background.
        facts: what else ``studies.csv`` says, such as ``manufacturer`` and ``kernel``.
    """

    series_uid: str
    patient_id: str
    image: Path | None
    mask: Path | None
    nodules: tuple[Nodule, ...] = ()
    candidates: tuple[LabelledCandidate, ...] = ()
    folder: Path | None = None
    background: str | None = None
    fold: int | None = None
    prepared: cache_folder.PreparedFile | None = None
    excluded: tuple[ExcludedFinding, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def is_partly_marked(self) -> bool:
        """Whether what is not marked in it may be a nodule all the same."""
        return self.facts.get("marked") == "partly"

    @property
    def is_cut_out(self) -> bool:
        """Whether it is a cube around one nodule (``nodulus prepare cubes``), not a whole scan."""
        rows, pixel_mm = self.facts.get("rows"), self.facts.get("pixel_spacing_mm")
        if not rows or not pixel_mm:
            return False
        return float(rows) * float(pixel_mm) < _CHEST_MM

    @property
    def has_label(self) -> bool:
        """Whether there is a label map."""
        return self.mask is not None or (self.prepared is not None and self.prepared.has_label)


def _read_series(path: Path) -> dict[str, dict[str, str]]:
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["series_uid"]: row for row in csv.DictReader(file)}


def _by_series(rows: Iterable[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.series_uid].append(row)
    return grouped


def _candidates(*paths: Path) -> dict[str, list[LabelledCandidate]]:
    return _by_series(c for path in paths if path.exists() for c in read_candidates(path))


def _fold(row: Mapping[str, str], path: Path | None = None) -> int | None:
    """The column ``fold``, else the number of the subset's folder."""
    if row.get("fold"):
        return int(row["fold"])
    named = re.fullmatch(r"subset(\d+)", path.parent.name) if path else None
    return int(named[1]) if named else None


def _facts(row: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if value and name not in _OWN_COLUMNS}


def read_data_dir(folder: Path | str) -> list[Study]:
    """Read one data folder, studies sorted by series UID.

    Raises:
        FileNotFoundError: no such folder, or no ``subset*/*.mhd`` in it.
        ValueError: a CSV file lacks a column, or a number in it is none; names the file.
    """
    root = Path(folder)
    manifest = cache_folder.read_manifest(root)
    return _read_files(root) if manifest is None else _read_cache(root, manifest)


def _read_cache(root: Path, manifest: cache_folder.Manifest) -> list[Study]:
    series = _read_series(root / cache_folder.STUDIES)
    if len(series) != manifest.scans:
        raise ValueError(
            f"{root / cache_folder.STUDIES}: {len(series)} scans, {cache_folder.MANIFEST} says "
            f"{manifest.scans}; run `nodulus prepare` again"
        )
    nodules = _by_series(read_nodules(root / cache_folder.NODULES))
    excluded = _by_series(read_excluded(root / cache_folder.EXCLUDED))
    candidates = _candidates(
        root / cache_folder.CANDIDATES, root / cache_folder.CANDIDATES_SEGMENTATION
    )
    return [
        Study(
            series_uid=uid,
            patient_id=row["patient_id"],
            image=None,
            mask=None,
            nodules=tuple(nodules.get(uid, ())),
            candidates=tuple(candidates.get(uid, ())),
            folder=root,
            fold=_fold(row),
            prepared=manifest.file(root, uid, has_label=bool(row.get("label_source"))),
            excluded=tuple(excluded.get(uid, ())),
            facts=_facts(row),
        )
        for uid, row in sorted(series.items())
    ]


def _read_files(root: Path) -> list[Study]:
    luna = root / "luna16" if (root / "luna16").is_dir() else root
    images = sorted(luna.glob("subset*/*.mhd"), key=lambda path: path.stem)
    if not images:
        begun = (root / cache_folder.RECORDS).is_dir()
        raise FileNotFoundError(
            f"{root}: no {cache_folder.MANIFEST}: `nodulus prepare` did not finish, run it again"
            if begun
            else f"{root}: no luna16/subset*/*.mhd, subset*/*.mhd or {cache_folder.MANIFEST}"
        )
    series = _read_series(root / "studies.csv")
    if (root / "nodules.csv").exists():
        annotated = read_nodules(root / "nodules.csv")
    elif (luna / "annotations.csv").exists():
        annotated = read_annotations(luna / "annotations.csv")
    else:
        annotated = []
    nodules = _by_series(annotated)
    candidates = _candidates(
        luna / "candidates_V2.csv", root / cache_folder.CANDIDATES_SEGMENTATION
    )
    studies = []
    for image in images:
        uid, row = image.stem, series.get(image.stem, {})
        mask = root / "masks" / f"{uid}.nii.gz"
        studies.append(
            Study(
                series_uid=uid,
                patient_id=row.get("patient_id") or uid,
                image=image,
                mask=mask if mask.exists() else None,
                nodules=tuple(nodules.get(uid, ())),
                candidates=tuple(candidates.get(uid, ())),
                folder=root,
                background=row.get("background") or None,
                fold=_fold(row, image),
                facts=_facts(row),
            )
        )
    return studies


def read_data_dirs(folders: Sequence[Path | str] | Path | str) -> list[Study]:
    """Read several data folders (see :func:`read_data_dir`).

    Raises:
        ValueError: two folders hold the same series.
    """
    names: Iterable[Path | str] = [folders] if isinstance(folders, (str, Path)) else folders
    studies = [study for folder in names for study in read_data_dir(folder)]
    twice = len(studies) - len({study.series_uid for study in studies})
    if twice:
        raise ValueError(f"{twice} series are in more than one of the data folders")
    return studies
