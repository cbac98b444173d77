"""The rows and tables of a phantom data set."""

from __future__ import annotations

from typing import Any

import numpy as np

from nodulus.app.data.phantom.pair import PhantomPair, doubling_days
from nodulus.app.data.phantom.phantom_study import PhantomStudy

Row = dict[str, Any]

STATE_FOLDER = ".phantom"
"""Hidden folder of a data set: the records of its studies, and what is not complete yet."""

ANNOTATIONS = ("seriesuid", "coordX", "coordY", "coordZ", "diameter_mm")
CANDIDATES = ("seriesuid", "coordX", "coordY", "coordZ", "class")
RATINGS = (
    "malignancy", "texture", "spiculation", "lobulation", "margin", "subtlety", "calcification",
    "sphericity",
)  # fmt: skip
NODULES = (
    "series_uid", "patient_id", "label", "center_x_lps_mm", "center_y_lps_mm", "center_z_lps_mm",
    "diameter_mm", "volume_mm3", *RATINGS, "lidc_nodule", "lidc_patient", "attachment",
)  # fmt: skip
FINDINGS = (
    "series_uid", "kind", "center_x_lps_mm", "center_y_lps_mm", "center_z_lps_mm", "size_mm",
    "ignored",
)  # fmt: skip
STUDIES = (
    "series_uid", "study_uid", "patient_id", "seed", "study_index", "subset", "slices", "rows",
    "columns", "slice_spacing_mm", "pixel_spacing_mm", "kernel", "noise_hu", "nodules",
    "background",
)  # fmt: skip
PAIRS = (
    "patient_id", "prior_series_uid", "current_series_uid", "nodule", "fate", "zone", "days",
    "growth", "doubling_days", "lidc_nodule",
    *(
        f"{scan}_{name}"
        for scan in ("prior", "current")
        for name in (
            "label", "center_x_lps_mm", "center_y_lps_mm", "center_z_lps_mm", "diameter_mm",
        )
    ),
)  # fmt: skip


def study_row(study: PhantomStudy, background: str = "") -> Row:
    """The line of studies.csv."""
    who, scan, geometry = study.identity, study.acquisition, study.geometry
    slices, rows, columns = geometry.shape_irc
    return dict(zip(STUDIES, (
        who.series_uid, who.study_uid, who.patient_id, who.seed, who.index, who.index % 10, slices,
        rows, columns, round(geometry.spacing_irc_mm[0], 6), round(geometry.spacing_irc_mm[1], 6),
        scan.kernel if scan else "", round(scan.noise_hu, 1) if scan else "", len(study.nodules),
        background,
    ), strict=True))  # fmt: skip


def nodule_rows(study: PhantomStudy) -> list[Row]:
    """The lines of nodules.csv."""
    counts = np.bincount(study.labels[study.labels > 0], minlength=256)
    rows = []
    for nodule in study.nodules:
        at_fissure = nodule.shape_id in study.perifissural
        ratings = study.shapes[nodule.shape_id].ratings
        x, y, z = (round(v, 4) for v in nodule.center_lps_mm)
        row: Row = {
            "series_uid": study.identity.series_uid,
            "patient_id": study.identity.patient_id,
            "label": nodule.label,
            "center_x_lps_mm": x,
            "center_y_lps_mm": y,
            "center_z_lps_mm": z,
            "diameter_mm": round(nodule.diameter_mm, 3),
            "volume_mm3": round(counts[nodule.label] * study.geometry.voxel_volume_mm3, 2),
            "lidc_nodule": nodule.shape_id,
            "lidc_patient": nodule.shape_id.split("/")[0],
            "attachment": "fissure" if at_fissure else nodule.attachment.value,
        }
        row.update({name: getattr(ratings, name) for name in RATINGS})
        rows.append(row)
    return rows


def pair_rows(pair: PhantomPair) -> list[Row]:
    """The lines of pairs.csv: each nodule on both scans; empty where it is on one alone."""
    rows = []
    for number, nodule in enumerate(pair.nodules, start=1):
        doubling = doubling_days(nodule, pair.days)
        shown = nodule.current or nodule.prior
        row: Row = {
            "patient_id": pair.prior.identity.patient_id,
            "prior_series_uid": pair.prior.identity.series_uid,
            "current_series_uid": pair.current.identity.series_uid,
            "nodule": number,
            "fate": nodule.fate,
            "zone": nodule.zone,
            "days": pair.days,
            "growth": round(nodule.growth, 4),
            "doubling_days": "" if doubling is None else round(doubling, 1),
            "lidc_nodule": shown.shape_id if shown else "",
        }
        for scan, one in (("prior", nodule.prior), ("current", nodule.current)):
            values: tuple[object, ...] = ("",) * 5
            if one is not None:
                center = (round(v, 4) for v in one.center_lps_mm)
                values = (one.label, *center, round(one.diameter_mm, 3))
            names = ("label", "center_x_lps_mm", "center_y_lps_mm", "center_z_lps_mm")
            row |= {
                f"{scan}_{name}": value
                for name, value in zip((*names, "diameter_mm"), values, strict=True)
            }
        rows.append(row)
    return rows


def finding_rows(study: PhantomStudy) -> list[Row]:
    """The lines of findings.csv: what is in the lungs and is no nodule."""
    return [
        dict(zip(FINDINGS, (
            study.identity.series_uid, f.kind.value, *f.center_xyz, f.size_mm, int(f.ignored),
        ), strict=True))
        for f in study.findings
    ]  # fmt: skip


def candidate_rows(study: PhantomStudy) -> list[Row]:
    """The lines of candidates_V2.csv."""
    return [
        dict(zip(CANDIDATES, (study.identity.series_uid, *c.center_lps_mm, c.label), strict=True))
        for c in study.candidates
    ]


def annotation_row(nodule: Row) -> Row:
    """The line of annotations.csv that belongs to one of nodules.csv."""
    keys = ("series_uid", "center_x_lps_mm", "center_y_lps_mm", "center_z_lps_mm", "diameter_mm")
    return dict(zip(ANNOTATIONS, (nodule[k] for k in keys), strict=True))
