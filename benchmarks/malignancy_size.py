"""How much size should count for malignancy: python benchmarks/malignancy_size.py SLICES.

SLICES is a training cache of rated nodules, as ``nodulus prepare slices`` or ``luna16`` writes it.
The network judges the nodules of patients who are kept for validation (``configs/patients.json``);
for each ``malignancy_size_weight`` the table has the AUC beside that of the diameter alone, by
DeLong, and the Platt scaling and the threshold that would go with it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit

from nodulus.app.chain import load_models, load_settings
from nodulus.app.chain.malignancy_probability import with_size
from nodulus.app.evaluation.metrics.delong import auc_interval, compare_aucs
from nodulus.app.evaluation.metrics.platt import fit_platt
from nodulus.bundles.common.data.prepared import load_prepared
from nodulus.bundles.common.data.studies import read_data_dir
from nodulus.bundles.common.patient_roles import Role, role_of
from nodulus.transforms.hounsfield import AIR_HU
from nodulus.transforms.patch_sampling import lps_to_voxel
from nodulus.transforms.patches import crop_cube

SIZE_WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
SIZES_MM = ((0, 100), (6, 10), (10, 15))


@dataclass(frozen=True, eq=False)
class Rated:
    """Nodules whose median rating is not 3; arrays of one length.

    Args:
        probability: the network's.
        diameter_mm: of the nodule.
        malignant: whether the rating is above 3.
    """

    probability: NDArray[np.float64]
    diameter_mm: NDArray[np.float64]
    malignant: NDArray[np.bool_]


def judge(cache: Path, models: Path | None, role: Role) -> Rated:
    """Ask the network about every nodule of the patients of one role."""
    bundle = load_models(models, "cpu").malignancy
    low, high = bundle.window_hu
    x, y, z = bundle.crop_size
    rows = []
    for study in read_data_dir(cache):
        if role_of(study.patient_id) is not role or study.prepared is None:
            continue
        item = load_prepared(study.prepared.path)
        size = (x, y, min(z, int(item["image"].shape[-1])))
        for nodule in study.nodules:
            if nodule.malignancy is None or nodule.malignancy == 3:
                continue
            center = lps_to_voxel(nodule.center_lps_mm, item["affine"].numpy())
            hu = crop_cube(item["image"], center, size, AIR_HU).float()
            scaled = (hu.clamp(low, high) - low) / (high - low)
            with torch.inference_mode():
                found = torch.sigmoid(bundle.network(scaled[None]).float()).item()
            rows.append((found, nodule.diameter_mm, nodule.malignancy > 3))
    if not rows:
        raise SystemExit(f"{cache}: no rated nodule of a patient for {role.value}")
    probability, diameter, malignant = np.asarray(rows, dtype=np.float64).T
    return Rated(probability, diameter, malignant > 0)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("slices", type=Path, help="training cache of rated nodules")
    parser.add_argument("--models", type=Path, help="model folder; the shipped one by default")
    parser.add_argument("--role", type=Role, default=Role.VALIDATION, help="of the patients")
    parser.add_argument("--sensitivity", type=float, default=0.9, help="of the threshold")
    given = parser.parse_args()
    rated = judge(given.slices, given.models, given.role)
    print(f"{len(rated.malignant)} nodules, {rated.malignant.sum()} rated malignant")
    neutral_mm = load_settings().pipeline.malignancy_neutral_mm
    for weight in SIZE_WEIGHTS:
        score = with_size(rated.probability, rated.diameter_mm, weight, neutral_mm)
        parts = []
        for low, high in SIZES_MM:
            chosen = (rated.diameter_mm >= low) & (rated.diameter_mm < high)
            y = rated.malignant[chosen]
            if 0 < y.sum() < len(y):
                auc = auc_interval(score[chosen], y)
                alone = auc_interval(rated.diameter_mm[chosen], y).value
                p = compare_aucs(score[chosen], rated.diameter_mm[chosen], y).p_value
                span = f"{auc.value:.3f} ({auc.lower:.3f} to {auc.upper:.3f})"
                parts.append(f"{low} to {high} mm: {span}, diameter {alone:.3f}, p {p:.2g}")
        temperature, offset = fit_platt(logit(score), rated.malignant)
        honest = expit(logit(score) / temperature + offset)
        cut = float(np.quantile(honest[rated.malignant], 1.0 - given.sensitivity))
        specificity = float((honest[~rated.malignant] < cut).mean())
        print(f"size weight {weight}: {'; '.join(parts)}")
        print(f"    temperature {temperature:.4f}, offset {offset:.4f}, threshold {cut:.4f} "
              f"with specificity {specificity:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
