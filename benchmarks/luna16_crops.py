"""Two nodule classifiers on LUNA16's crops: python benchmarks/luna16_crops.py --models FOLDER.

Prints, for the six labelled crops of 32x48x48 voxels, the nodule probability of the classifier of
an imported model folder (``nodulus import dlwpt``) and of the shipped one, and the shipped
malignancy probability. The crops do not say how large their voxels are, and the shipped networks
look at voxels of 1 mm: their figures are given for several sizes that LUNA16's scans have. Beyond
the crop is air for them. The labels are LUNA16's; the authors of the imported weights trained on
LUNA16, so that they may have learnt from these very crops.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.chain import Scan, load_models
from app.chain.detector import Classifier
from app.volume import CtVolume
from transforms.geometry import Geometry

SPACINGS_IRC_MM = ((1.25, 0.7, 0.7), (2.0, 0.7, 0.7), (0.7, 0.7, 0.7), (1.25, 0.6, 0.6))


def shared() -> Path:
    """Where the crops are looked for: below NODULUS_SHARED, or beside the checkout."""
    named = os.environ.get("NODULUS_SHARED")
    beside = Path(__file__).resolve().parents[2] / "shared"
    return (Path(named) if named else beside) / "data" / "luna16" / "crops"


def crops(folder: Path) -> Iterator[tuple[str, float, NDArray[np.float32]]]:
    """Label, diameter in mm and HU, shape (32, 48, 48), of each crop."""
    with (folder / "labels.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            with np.load(folder / row["file"]) as stored:
                yield row["label"], float(row["diameter_mm"]), stored["ct_chunk"]


def rate(classifier: Classifier, hu: NDArray[np.float32], spacing: tuple[float, ...]) -> float:
    """The probability of the crop's middle."""
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2] = spacing  # axial, feet to head
    affine[3, 3] = 1.0
    i, r, c = hu.shape
    volume = CtVolume(hu, Geometry((i, r, c), affine), "crop", None, "mhd")
    middle = volume.geometry.index_to_lps([n // 2 for n in hu.shape])
    (probability,) = classifier.rate(
        Scan(volume, None, 0.0), [middle.tolist()], 1, lambda done, total: None
    )
    return float(probability)


def main() -> None:
    """Rate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True, help="an imported model folder")
    parser.add_argument("--crops", type=Path, default=shared())
    options = parser.parse_args()
    if not (options.crops / "labels.csv").is_file():
        print(
            f"skipped: no crops in {options.crops} (set NODULUS_SHARED to the folder above data/)"
        )
        return
    imported, shipped = load_models(options.models, "cpu"), load_models(None, "cpu")
    sizes = ["/".join(f"{n:g}" for n in spacing[:2]) for spacing in SPACINGS_IRC_MM]
    print(
        f"{'label':18} {'mm':>5} {'imported':>9}   shipped: nodule (malignancy) at slice/pixel mm"
    )
    print(f"{'':35}" + "".join(f"{size:>15}" for size in sizes))
    for label, diameter, hu in crops(options.crops):
        own = rate(imported.nodule_classifier, hu, SPACINGS_IRC_MM[0])
        ours = [
            f"{rate(shipped.nodule_classifier, hu, s):.3f} "
            f"({rate(shipped.malignancy_classifier, hu, s):.2f})"
            for s in SPACINGS_IRC_MM
        ]
        print(f"{label:18} {diameter:5.1f} {own:9.4f}  " + "".join(f"{text:>15}" for text in ours))


if __name__ == "__main__":
    main()
