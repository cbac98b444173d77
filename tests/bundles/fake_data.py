"""A data folder with next to nothing in it: an ellipse with two lungs and spheres for nodules."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK

SPACING_MM = 2.5
SHAPE_IRC = (56, 72, 88)
ORIGIN_LPS_MM = np.array([-110.0, -90.0, -150.0])
IGNORED_LPS_MM = (-51.0, -1.0, -46.0)


def _volume(rng: np.random.Generator, spheres: list[tuple[np.ndarray, float]]) -> Any:
    i, r, c = np.meshgrid(*[np.arange(n) for n in SHAPE_IRC], indexing="ij")
    hu = np.full(SHAPE_IRC, -1000.0)
    hu[((r - 36) / 32) ** 2 + ((c - 44) / 40) ** 2 < 1] = 30.0
    for middle in (25, 63):
        inside = ((i - 28) / 24) ** 2 + ((r - 36) / 22) ** 2 + ((c - middle) / 15) ** 2 < 1
        hu[inside] = -850.0
        hu[inside & ((r // 2 + c // 2) % 9 == 0) & (i % 7 < 2)] = 0.0
    label = np.zeros(SHAPE_IRC, np.uint8)
    for number, (center, radius_mm) in enumerate(spheres, start=1):
        irc = ((center - ORIGIN_LPS_MM) / SPACING_MM)[::-1]
        near = (i - irc[0]) ** 2 + (r - irc[1]) ** 2 + (c - irc[2]) ** 2
        near = near <= (radius_mm / SPACING_MM) ** 2
        hu[near], label[near] = 20.0, number
    label[40:44, 34:38, 22:26] = 255
    return (hu + rng.normal(0, 15, SHAPE_IRC)).astype(np.int16), label


def _image(array: np.ndarray) -> Any:
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing([SPACING_MM] * 3)
    image.SetOrigin(ORIGIN_LPS_MM.tolist())
    return image


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_fake_data(folder: Path, studies: int = 2, seed: int = 0, prefix: str = "1.2.3") -> Path:
    """Write a data folder; each study has a benign nodule on the right, a malignant on the left.

    Nobody has labelled the cube around ``IGNORED_LPS_MM``.
    """
    rng = np.random.default_rng(seed)
    (folder / "masks").mkdir(parents=True)
    nodules, annotations, candidates, index = [], [], [], []
    for number in range(studies):
        uid, patient = f"{prefix}.{seed}.{number}", f"P{seed}-{number}"
        subset = folder / "luna16" / f"subset{number % 10}"
        subset.mkdir(parents=True, exist_ok=True)
        spheres = []
        for column, radius, malignancy in ((25, 5.0, 2.0), (63, 9.0, 4.0)):
            irc = np.array([28, 36, column]) + rng.integers(-5, 6, 3)
            center = ORIGIN_LPS_MM + irc[::-1] * SPACING_MM
            spheres.append((center, radius))
            x, y, z = center.tolist()
            place = {"seriesuid": uid, "coordX": x, "coordY": y, "coordZ": z}
            annotations.append({**place, "diameter_mm": 2 * radius})
            candidates.append({**place, "class": 1})
            candidates.append({**place, "coordZ": z + 30, "class": 0})
            candidates.append({**place, "coordY": y + 25, "class": 0})
            nodules.append(
                {
                    "series_uid": uid,
                    "patient_id": patient,
                    "label": len(spheres),
                    "center_x_lps_mm": x,
                    "center_y_lps_mm": y,
                    "center_z_lps_mm": z,
                    "diameter_mm": 2 * radius,
                    "malignancy": malignancy,
                    "lidc_patient": f"LIDC-{seed}-{number}",
                }
            )
        hu, label = _volume(rng, spheres)
        SimpleITK.WriteImage(_image(hu), str(subset / f"{uid}.mhd"))
        SimpleITK.WriteImage(_image(label), str(folder / "masks" / f"{uid}.nii.gz"))
        index.append({"series_uid": uid, "study_uid": f"{uid}.9", "patient_id": patient})
    _write(folder / "nodules.csv", nodules)
    _write(folder / "studies.csv", index)
    _write(folder / "luna16" / "annotations.csv", annotations)
    _write(folder / "luna16" / "candidates_V2.csv", candidates)
    return folder
