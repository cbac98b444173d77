"""Single slices of nodules with their readers' ratings, in one NumPy archive.

The archive has the arrays ``hu`` (n, y, x), Hounsfield units along +y and +x of LPS; ``mask``
(n, y, x) of the nodule; ``pixel_spacing`` (n,) in mm; ``z_mm`` (n,); ``uid`` (n,), the series;
``patient`` (n,); ``ratings_4x9`` (n, readers, 9), NaN where a reader says nothing, in the order of
LIDC-IDRI's characteristics; and optionally ``intercept_ok`` (n,), false where the values may be no
Hounsfield units.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.prepare.numpy_archive import read_archive
from nodulus.app.data.prepare.prepare_collection import Found
from nodulus.app.data.prepare.problems import Problem, ProblemKind
from nodulus.app.data.prepare.training_scan import LabelSource, LoadedScan, TrainingScan
from nodulus.app.data.prepare.training_series import named_patient
from nodulus.bundles.common.data.tables import Nodule
from nodulus.bundles.common.lidc.database import FEATURES
from nodulus.bundles.common.lidc.shapes import rating_name
from nodulus.transforms.geometry import Geometry

_SHAPES = {
    "hu": 3, "mask": 3, "pixel_spacing": 1, "z_mm": 1, "uid": 1, "patient": 1, "ratings_4x9": 3,
}  # fmt: skip
_LOWEST_HU = -1024


@lru_cache(maxsize=1)
def _read(path: Path) -> dict[str, NDArray[Any]]:
    return read_archive(path, "nodules' slices", _SHAPES, ("intercept_ok",))


def slice_geometry(shape_yx: tuple[int, int], pixel_mm: float, z_mm: float) -> Geometry:
    """Where a slice lies: its first pixel at x = y = 0, for only its level is known."""
    rows, columns = shape_yx
    spacing = (pixel_mm, pixel_mm, 1.0)
    return Geometry.from_itk((columns, rows, 1), spacing, (0.0, 0.0, z_mm), np.eye(3))


def load_slice(path: Path, index: int) -> LoadedScan:
    """Read one slice of an archive as a scan of one slice."""
    arrays = _read(path)
    hu = np.maximum(arrays["hu"][index], _LOWEST_HU)
    pixel, z = float(arrays["pixel_spacing"][index]), float(arrays["z_mm"][index])
    labels = (arrays["mask"][index] > 0).astype(np.uint8)
    return LoadedScan(
        hu=np.ascontiguousarray(hu[None]),
        geometry=slice_geometry((hu.shape[0], hu.shape[1]), pixel, z),
        labels=labels[None],
        label_source=LabelSource.OUTLINES,
    )


def find_slices(path: Path) -> Found:
    """Every rated slice of an archive as a scan of one slice with one nodule.

    Args:
        path: the archive.

    Raises:
        NodulusError: it cannot be read, or the key to patient tokens cannot be kept.
    """
    arrays = _read(path)
    sure = arrays.get("intercept_ok", np.ones(len(arrays["hu"]), bool))
    number: Counter[str] = Counter()
    scans: list[TrainingScan] = []
    problems: list[Problem] = []
    for k, uid in enumerate(str(name) for name in arrays["uid"]):
        number[uid] += 1
        name = f"slice-{uid}-{number[uid]}"
        if not sure[k] or not arrays["mask"][k].any():
            message = "its values may be no Hounsfield units, or it has no outline; left out"
            problems.append(Problem(ProblemKind.IMAGE_BROKEN, message, path, series_uid=name))
            continue
        scans.append(
            TrainingScan(
                series_uid=name,
                patient_id=named_patient(str(arrays["patient"][k])),
                load=partial(load_slice, path, k),
                source_files=(path,),
                recipe=f"slices 1 {k}",
                nodules=(_nodule(arrays, k, name),),
                table=path,
                whole=False,
            )
        )
    return Found("slices", scans, problems, {"series": len(scans)})


def _nodule(arrays: dict[str, NDArray[Any]], k: int, name: str) -> Nodule:
    """The nodule of one slice, with the median and the spread of its readers' ratings."""
    mask, pixel = arrays["mask"][k] > 0, float(arrays["pixel_spacing"][k])
    y, x = (float(v) * pixel for v in np.argwhere(mask).mean(axis=0))
    given = arrays["ratings_4x9"][k]
    given = given[~np.isnan(given).all(axis=1)]
    ratings: dict[str, float] = {}
    spread: dict[str, float] = {}
    for feature, column in zip(FEATURES, given.T, strict=True):
        known = column[~np.isnan(column)]
        if len(known):
            ratings[rating_name(feature)] = float(np.median(known))
            spread[rating_name(feature)] = float(known.max() - known.min())
    return Nodule(
        name,
        (x, y, float(arrays["z_mm"][k])),
        diameter_mm=2.0 * pixel * float(np.sqrt(mask.sum() / np.pi)),
        label=1,
        malignancy=ratings.pop("malignancy", None),
        readers=len(given) or None,
        ratings=ratings,
        spread=spread,
    )
