"""The tables of known nodules that a run is compared with."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from nodulus.app.data.marked_points.open_points import is_point_truth, known_nodules
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.evaluation.match_results import MatchedScan, match_results, read_results
from nodulus.bundles.common.data.tables import (
    CENTER,
    ExcludedFinding,
    Nodule,
    read_annotations,
    read_excluded,
    read_nodules,
)

Row = TypeVar("Row")


def read_matched_scans(
    results: Path, nodules: Path, excluded: Path | None = None
) -> tuple[MatchedScan, ...]:
    """Results of `nodulus detect` matched with a table of nodules.

    Args:
        results: folder of the run.
        nodules: ``nodules.csv`` of a phantom or training cache, ``annotations.csv`` as in
            LUNA16, or a DICOM SR (TID 1500), markups of 3D Slicer, XML of LIDC-IDRI among its
            images, or a folder with these.
        excluded: places that do not matter: a phantom's ``findings.csv``, of which those that
            are marked as ignored count, or LUNA16's ``annotations_excluded.csv``.

    Raises:
        NodulusError: a table or a result cannot be read.
    """
    known = read_lesions(nodules)
    skipped: Sequence[ExcludedFinding] = ()
    if excluded is not None:
        skipped = _read(excluded, read_excluded, _ignored)
    return match_results(read_results(results), known, skipped)


def read_lesions(path: Path, scans: Iterable[Path] = ()) -> list[Nodule]:
    """Read known lesions.

    Args:
        path: see ``nodules`` of :func:`read_matched_scans`.
        scans: where the images lie that a report or XML refers to, beside its folder.

    Raises:
        NodulusError: ``input-not-readable``.
    """
    if is_point_truth(path):
        return [nodule for nodule, _ in known_nodules(path, scans)]
    return _read(path, read_annotations, read_nodules)


def _read(
    path: Path, luna: Callable[[Path], list[Row]], own: Callable[[Path], list[Row]]
) -> list[Row]:
    try:
        with path.open(encoding="utf-8") as stream:
            is_luna = stream.readline().startswith("seriesuid")
        return luna(path) if is_luna else own(path)
    except (OSError, ValueError) as error:
        raise NodulusError(
            ErrorCode.INPUT_NOT_READABLE,
            f"the table cannot be read: {error}.",
            remedy="Give the tables of a phantom, or tables in LUNA16's form.",
            subject=path,
        ) from error


def _ignored(path: Path) -> list[ExcludedFinding]:
    """The rows of a phantom's ``findings.csv`` with a 1 in the column ``ignored``."""
    found = []
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        missing = {"series_uid", *CENTER, "size_mm", "ignored"} - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path}: columns {sorted(missing)} are missing")
        for row in reader:
            if row["ignored"].strip() == "1":
                x, y, z = (float(row[column]) for column in CENTER)
                found.append(
                    ExcludedFinding(row["series_uid"], (x, y, z), float(row["size_mm"]) or None)
                )
    return found
