"""Candidates in the form that the LUNA16 challenge scores.

See Setio et al., Validation, comparison, and combination of algorithms for automatic detection
of pulmonary nodules in computed tomography images: the LUNA16 challenge, Medical Image Analysis
42 (2017), and the evaluation page of luna16.grand-challenge.org.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from nodulus.app.errors import not_writable
from nodulus.app.result import LpsPoint, StudyResult

HEADER = ("seriesuid", "coordX", "coordY", "coordZ", "probability")


class Mark(NamedTuple):
    """One row of the file."""

    series_uid: str
    center_lps_mm: LpsPoint
    probability: float


def marks_of(result: StudyResult) -> Iterator[Mark]:
    """Give a mark for every candidate of a study, also for those that were dropped.

    The probability is ``nodule_probability``. A candidate that was dropped before the nodule
    classifier saw it gets 0: a FROC curve needs one scale.

    Args:
        result: the study's result.

    Yields:
        One mark a candidate, in the candidates' order.
    """
    for candidate in result.candidates:
        probability = candidate.nodule_probability
        yield Mark(result.series_uid, candidate.center_lps_mm, probability or 0.0)


def encode_marks(rows: Iterable[Mark]) -> str:
    """Give the text of a LUNA16 submission; coordinates are LPS mm.

    Args:
        rows: the marks of any number of series.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(_row(mark) for mark in rows)
    return stream.getvalue()


def _row(mark: Mark) -> list[str]:
    coordinates = [f"{value:.4f}" for value in mark.center_lps_mm]
    return [mark.series_uid, *coordinates, f"{mark.probability:.6f}"]


def write_marks(path: Path, rows: Iterable[Mark]) -> int:
    """Write a LUNA16 submission; coordinates are LPS mm, as in LUNA16's own files.

    Args:
        path: the CSV file; replaced as a whole.
        rows: the marks of any number of series.

    Returns:
        The number of rows.

    Raises:
        NodulusError: OUTPUT_NOT_WRITABLE, naming the file.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(HEADER)
            for mark in rows:
                writer.writerow(_row(mark))
                count += 1
        os.replace(part, path)  # noqa: PTH105 - the one call that replaces on every system
    except OSError as error:
        raise not_writable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return count
