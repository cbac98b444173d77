"""The rows of a cache's tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nodulus.app.data.prepare.prepare_scan import PreparedScan
from nodulus.app.data.prepare.record import Row
from nodulus.app.data.prepare.training_scan import TrainingScan
from nodulus.bundles.common.data.tables import CENTER, COORDINATES, RATINGS, SPREADS, Nodule, Point
from nodulus.bundles.common.hit_rule import nearest_hits

IMAGE_COLUMNS = (
    "label_source", "slices", "rows", "columns", "slice_spacing_mm", "pixel_spacing_mm",
)  # fmt: skip
STUDY_COLUMNS = ("series_uid", "patient_id", "fold", "nodules", *IMAGE_COLUMNS)
NODULE_COLUMNS = (
    "series_uid", "patient_id", "label", *CENTER, "diameter_mm", "volume_mm3", "readers",
    "malignancy", *RATINGS, *SPREADS.values(), "lidc_nodule", "lidc_patient",
)  # fmt: skip
CANDIDATE_COLUMNS = ("seriesuid", *COORDINATES, "class", "probability", "nodule")
EXCLUDED_COLUMNS = ("seriesuid", *COORDINATES, "diameter_mm")


def _place(names: Sequence[str], point: Point) -> dict[str, float]:
    return dict(zip(names, point, strict=True))


def study_row(scan: TrainingScan, prepared: PreparedScan) -> Row:
    """The row of studies.csv that the scan and its image decide."""
    slices, rows, columns = prepared.geometry.shape_irc
    between_slices, _, between_columns = prepared.geometry.spacing_irc_mm
    image = (
        prepared.label_source.value, slices, rows, columns, round(between_slices, 6),
        round(between_columns, 6),
    )  # fmt: skip
    return {
        **dict(zip(IMAGE_COLUMNS, image, strict=True)),
        **described(scan),
        "nodules": len(prepared.nodules),
    }


def described(scan: TrainingScan) -> Row:
    """What the source says about a scan, as part of its row of studies.csv."""
    return {
        **scan.facts,
        "series_uid": scan.series_uid,
        "patient_id": scan.patient_id,
        "fold": "" if scan.fold is None else scan.fold,
    }


def nodule_row(scan: TrainingScan, nodule: Nodule, volume_mm3: float) -> Row:
    """A row of nodules.csv."""
    return {
        "series_uid": scan.series_uid,
        "patient_id": scan.patient_id,
        "label": nodule.label,
        **_place(CENTER, nodule.center_lps_mm),
        "diameter_mm": nodule.diameter_mm,
        "volume_mm3": volume_mm3,
        **rating_columns(nodule),
    }


def rating_columns(nodule: Nodule) -> Row:
    """What readers say about a nodule, as part of its row of nodules.csv."""
    given = {
        "readers": nodule.readers,
        "malignancy": nodule.malignancy,
        **{name: nodule.ratings.get(name) for name in RATINGS},
        **{column: nodule.spread.get(name) for name, column in SPREADS.items()},
        "lidc_nodule": nodule.lidc_nodule,
        "lidc_patient": nodule.lidc_patient,
    }
    return {name: "" if value is None else value for name, value in given.items()}


def candidate_rows(scan: TrainingScan, nodules: Iterable[Row]) -> tuple[Row, ...]:
    """The rows of candidates.csv; ``nodule`` is the label of the nodule that one hits."""
    rows = list(nodules)
    hits = nearest_hits(
        [candidate.center_lps_mm for candidate in scan.candidates],
        np.asarray([[row[name] for name in CENTER] for row in rows]),
        [row["diameter_mm"] for row in rows],
    )
    return tuple(
        {
            "seriesuid": scan.series_uid,
            **_place(COORDINATES, candidate.center_lps_mm),
            "class": int(candidate.is_nodule),
            "probability": "" if candidate.probability is None else candidate.probability,
            "nodule": rows[hit]["label"] if hit >= 0 else "",
        }
        for candidate, hit in zip(scan.candidates, hits, strict=True)
    )


def excluded_rows(scan: TrainingScan) -> tuple[Row, ...]:
    """The rows of excluded.csv; an unknown diameter is -1, as in LUNA16's file."""
    return tuple(
        {
            "seriesuid": scan.series_uid,
            **_place(COORDINATES, finding.center_lps_mm),
            "diameter_mm": finding.diameter_mm or -1,
        }
        for finding in scan.excluded
    )


def columns_of(rows: Iterable[dict[str, Any]], first: Sequence[str]) -> list[str]:
    """The given columns and then, sorted, what else the rows have."""
    others = {name for row in rows for name in row} - set(first)
    return [*first, *sorted(others)]
