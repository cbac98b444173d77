"""The shipped networks on crops of real nodules: python benchmarks/lidc_crops.py.

Reads ``crops.npz`` (``hu`` int16 and ``mask`` bool, both (n, 51, 51, 51) with axes I, R, C of
1 mm around each nodule) and ``labels.csv`` (a row each with ``malignancy`` and ``texture`` from 1
to 5 and ``equivalent_diameter_mm``). Each crop's middle goes through the three networks as the
chain uses them, at the chain's operating points: 48 voxels for the segmentation, what its cube
holds for a classifier. Nothing is learnt from the crops; the
segmentation's operating points may have been chosen on them (see ``chosen_on``).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from nodulus.app.chain import ChainSettings, Models, load_models, load_settings
from nodulus.app.chain.malignancy_probability import with_size
from nodulus.app.chain.network.loading import LoadedBundle
from nodulus.app.chain.nodule_probability import combine
from nodulus.app.chain.recalibration import recalibrated
from nodulus.app.evaluation.metrics.delong import auc_interval, compare_aucs
from nodulus.app.evaluation.metrics.estimate import proportion
from nodulus.transforms.density_outline import density_outline
from nodulus.transforms.equivalent_diameter import equivalent_diameter_mm

ROOT = Path(__file__).resolve().parents[1]
SIZE = 48
TEXTURES = {"all": (1, 5), "ground glass": (1, 2), "part-solid": (3, 4), "solid": (5, 5)}


@dataclass(frozen=True, eq=False)
class Answers:
    """What the networks say of each crop; arrays of one length.

    Args:
        center: segmentation probability of the middle voxel.
        peak: the highest inside the readers' outline.
        dice: of the nodule as the chain outlines it with the reader's outline.
        classifier: the nodule classifier's probability.
        malignancy: the malignancy classifier's.
        diameter_mm: of a ball of the volume of the same.
    """

    center: NDArray[np.float64]
    peak: NDArray[np.float64]
    dice: NDArray[np.float64]
    classifier: NDArray[np.float64]
    malignancy: NDArray[np.float64]
    diameter_mm: NDArray[np.float64]


def in_ras(array: NDArray[np.generic]) -> torch.Tensor:
    """A crop (I, R, C) along +z, +y, +x of LPS as (1, X, Y, Z) of RAS, its middle 48 voxels."""
    start = (array.shape[0] - SIZE) // 2
    turned = np.ascontiguousarray(array.transpose(2, 1, 0)[::-1, ::-1])
    cut = turned[tuple(slice(start, start + SIZE) for _ in range(3))]
    return torch.from_numpy(np.ascontiguousarray(cut))[None]


def judged(bundle: LoadedBundle, hu: torch.Tensor) -> float:
    """A classifier's answer for the cube in the middle of HU of shape (1, X, Y, Z)."""
    starts = [(n - edge) // 2 for n, edge in zip(hu.shape[1:], bundle.crop_size, strict=True)]
    x, y, z = (slice(a, a + n) for a, n in zip(starts, bundle.crop_size, strict=True))
    return probability(bundle, hu[:, x, y, z]).item()


def probability(bundle: LoadedBundle, hu: torch.Tensor) -> torch.Tensor:
    """The network's answer for HU of shape (1, X, Y, Z)."""
    low, high = bundle.window_hu
    scaled = (hu.float().clamp(low, high) - low) / (high - low)
    with torch.inference_mode():
        return torch.sigmoid(bundle.network(scaled[None]).float())[0]


def drawn(
    seen: NDArray[np.float32],
    hu: NDArray[np.int16],
    reader: NDArray[np.bool_],
    settings: ChainSettings,
) -> NDArray[np.bool_]:
    """What of the segmentation meets a reader's outline, its border as the chain draws it.

    Args:
        seen: probability, shape (X, Y, Z), voxels of 1 mm.
        hu: same shape.
        reader: same shape.
        settings: operating point of a voxel, and the border's rule.
    """
    found = seen >= settings.operating_points.segmentation_voxel.threshold
    pieces, _ = ndimage.label(found, structure=np.ones((3, 3, 3)))
    met = np.isin(pieces, np.unique(pieces[reader & found]))
    rule = settings.pipeline.outline_rule()
    own = met & found
    if rule is None:
        return np.asarray(own)
    return density_outline(hu, np.where(own, seen, 0.0), own, (1.0, 1.0, 1.0), rule)


def ask(
    models: Models, settings: ChainSettings, crops: NDArray[np.int16], masks: NDArray[np.bool_]
) -> Answers:
    """Put every crop through the networks."""
    rows = []
    for hu_irc, mask_irc in zip(crops, masks, strict=True):
        hu, mask = in_ras(hu_irc), in_ras(mask_irc)[0].numpy()
        seen = probability(models.segmentation, hu)[0].numpy()
        found = drawn(seen, hu[0].numpy(), mask, settings)
        rows.append(
            (
                seen[SIZE // 2, SIZE // 2, SIZE // 2],
                seen[mask].max(),
                2 * (found & mask).sum() / max(found.sum() + mask.sum(), 1),
                judged(models.nodule, hu),
                judged(models.malignancy, hu),
                equivalent_diameter_mm(max(int(found.sum()), 1)),
            )
        )
    return Answers(*np.asarray(rows, dtype=np.float64).T)


def tabulate(
    answers: Answers, settings: ChainSettings, texture: NDArray[np.float64]
) -> list[dict[str, object]]:
    """Shares by texture, each with its 95 % interval."""
    points = settings.operating_points
    share = settings.pipeline.segmentation_share
    scales = points.nodule.temperature, points.nodule.offset
    pooled = recalibrated(combine(answers.peak, answers.classifier, share), *scales)
    alone = recalibrated(answers.classifier, *scales)
    hits = {
        "centre in mask": answers.center >= points.segmentation_voxel.threshold,
        "peak over the operating point": answers.peak >= points.segmentation_peak.threshold,
        "classifier alone over the nodule operating point": alone >= points.nodule.threshold,
        "nodule probability over its operating point": pooled >= points.nodule.threshold,
    }
    table: list[dict[str, object]] = []
    for group, (low, high) in TEXTURES.items():
        chosen = (texture >= low) & (texture <= high)
        for name, hit in hits.items():
            found = proportion(int(hit[chosen].sum()), int(chosen.sum()))
            table.append(
                {
                    "texture": group,
                    "measure": name,
                    "nodules": int(chosen.sum()),
                    "share": None if found is None else asdict(found),
                }
            )
        table.append(
            {
                "texture": group,
                "measure": "median Dice",
                "nodules": int(chosen.sum()),
                "value": float(np.median(answers.dice[chosen])),
            }
        )
    return table


def default_crops() -> Path:
    """Beside the checkout, or as ``NODULUS_SHARED`` says."""
    named = os.environ.get("NODULUS_SHARED")
    return (Path(named) if named else ROOT.parent / "shared") / "data" / "lidc_crops"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--crops", type=Path, default=default_crops())
    parser.add_argument("--models", type=Path, help="model folder; the shipped one by default")
    parser.add_argument("--settings", type=Path, help="folder with operating_points.json")
    parser.add_argument("--json", type=Path, help="also write everything here")
    given = parser.parse_args()
    if not (given.crops / "crops.npz").is_file():
        print(f"skipped: no crops.npz in {given.crops}")
        return
    data = np.load(given.crops / "crops.npz")
    with (given.crops / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    models, settings = load_models(given.models, "cpu"), load_settings(given.settings)
    answers = ask(models, settings, data["hu"], data["mask"])
    texture = np.array([float(row["texture"]) for row in rows])
    table = tabulate(answers, settings, texture)
    for row in table:
        share = row.get("share")
        text = (
            f"{row['value']:.2f}"
            if not isinstance(share, dict)
            else f"{share['value']:.3f} ({share['lower']:.3f} to {share['upper']:.3f})"
        )
        print(f"{row['texture']:<13}{row['nodules']:>3}  {row['measure']:<50}{text}")

    rating = np.array([float(row["malignancy"]) for row in rows])
    judged = rating != 3
    malignant = rating[judged] > 3
    diameter = np.array([float(row["equivalent_diameter_mm"]) for row in rows])
    pipeline = settings.pipeline
    pooled = with_size(
        answers.malignancy,
        answers.diameter_mm,
        pipeline.malignancy_size_weight,
        pipeline.malignancy_neutral_mm,
    )
    scores = {
        "malignancy, network and size": pooled,
        "malignancy network alone": answers.malignancy,
        "diameter alone": diameter,
    }
    for name, score in scores.items():
        auc = auc_interval(score[judged], malignant)
        span = f"{auc.lower:.3f} to {auc.upper:.3f}"
        print(f"AUC of {name}, {judged.sum()} nodules: {auc.value:.3f} ({span})")
    difference = compare_aucs(pooled[judged], diameter[judged], malignant)
    gap = difference.difference
    span = f"{gap.lower:+.3f} to {gap.upper:+.3f}"
    print(f"difference: {gap.value:+.3f} ({span}), p {difference.p_value:.2f}")
    if given.json is not None:
        given.json.write_text(
            json.dumps({"table": table, "crops": {k: v.tolist() for k, v in vars(answers).items()}})
        )


if __name__ == "__main__":
    main()
