"""What the nodule classifier should look at: python benchmarks/nodule_inputs.py.

    python benchmarks/nodule_inputs.py --data_dirs DIR --validation_dirs DIR \
        --test_crops CROPS --seeds 0 1 --steps 400 -o OUT

Trains the nodule bundle from random weights by its own configs/train.json on cubes of 48 and
32 mm, each alone and with its enlarged middle as a second channel, for as many steps and with the
same seeds. The final weights are judged on the candidates of the validation studies, and on real
nodules (crops.npz and labels.csv, see bundles/common/data/rated_crops.py): the share whose score
passes the threshold that 95 % of the validation studies' false candidates stay below. OUT gets
`table.md` and `table.json`; `runs/` holds the trainings: a finished one is kept, a stopped one goes
on. Any other key of train.json: `--set KEY=VALUE`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from numpy.typing import NDArray

from bundles.common.data.rated_crops import RatedCrop, read_crops
from bundles.common.engines import load_weights
from bundles.common.files import write_text
from bundles.common.kept_training import train_once
from bundles.common.metrics.delong import auc_interval
from bundles.common.metrics.estimate import proportion
from bundles.common.overrides import parse_overrides

CONFIGS = Path(__file__).resolve().parents[1] / "bundles" / "nodule" / "configs"
SPECIFICITY = 0.95
SMALL_MM = 6.0
HEADER = (
    "| input | seed | AUC, validation candidates | sensitivity at 95 % specificity "
    "| of these below 6 mm | real nodules that pass there |"
)
Scores = NDArray[np.float64]


def variants(shipped: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Keys of train.json by variant; the first is the bundle's own."""
    alone = {**shipped, "_target_": "ResNet", "n_input_channels": 1}
    return {
        "48 mm and its middle": {"crop_size": 48, "network_def": shipped},
        "48 mm": {"crop_size": 48, "network_def": alone},
        "32 mm and its middle": {"crop_size": 32, "network_def": shipped},
        "32 mm": {"crop_size": 32, "network_def": alone},
    }


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data_dirs", nargs="+", required=True)
    parser.add_argument("--validation_dirs", nargs="*", default=[])
    parser.add_argument("--test_crops", type=Path, required=True)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", dest="more",
                        help="further keys of train.json; values are JSON, or text")  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, required=True)
    return parser.parse_args(given)


def judge(
    folder: Path, keys: dict[str, Any], weights: Path, crops: Sequence[RatedCrop]
) -> dict[str, Any]:
    """Score the validation candidates and the real nodules with one network."""
    config = ConfigParser()
    config.read_config(str(CONFIGS / "train.json"))
    config.update({**keys, "initial_weights": None, "output_dir": str(folder)})
    network = load_weights(config.get_parsed_content("network_def"), weights)
    device = config.get_parsed_content("device")
    network = network.to(device).eval()
    logits: list[float] = []
    truth: list[bool] = []
    size, window = (config.get_parsed_content(key) for key in ("crop_size", "window_hu"))
    with torch.inference_mode():
        for batch in config.get_parsed_content("validate#dataloader"):
            logits += network(batch["image"].to(device)).reshape(-1).double().cpu().tolist()
            truth += (batch["target"].reshape(-1) > 0.5).tolist()
        real = [
            float(network(crop.cube(size, window)[None].to(device)).reshape(-1)[0])
            for crop in crops
        ]
    diameters = diameters_of(config)
    return measure(np.array(logits), np.array(truth), diameters, np.array(real))


def diameters_of(config: ConfigParser) -> Scores:
    """Diameter of each validation entry that is an annotated nodule, else NaN; mm."""
    studies = config.get_parsed_content("drawn_split").validation
    known = {
        (study.series_uid, tuple(np.round(n.center_lps_mm, 3))): n.diameter_mm
        for study in studies
        for n in study.nodules
    }
    entries = config.get_parsed_content("validate#entries")
    return np.array(
        [
            known.get((e["series_uid"], tuple(np.round(e["point_lps_mm"], 3))), np.nan)
            for e in entries
        ]
    )


def measure(
    logits: Scores, truth: NDArray[np.bool_], diameters: Scores, real: Scores
) -> dict[str, Any]:
    """The figures of one network."""
    auc = auc_interval(logits, truth)
    threshold = float(np.quantile(logits[~truth], SPECIFICITY))
    passing = logits > threshold
    small = truth & (diameters < SMALL_MM)
    found = proportion(int((real > threshold).sum()), len(real))
    return {
        "auc": vars(auc),
        "sensitivity": float(passing[truth].mean()),
        "sensitivity_below_6_mm": float(passing[small].mean()) if small.any() else None,
        "real": vars(found),
        "positives": int(truth.sum()),
        "negatives": int((~truth).sum()),
    }


def markdown(rows: dict[str, dict[int, dict[str, Any]]], steps: int) -> str:
    """The table."""
    text = [f"{steps} steps each from random weights. Intervals: 95 %.", "", HEADER]
    text.append("|" + "---|" * (HEADER.count("|") - 1))
    for name, by_seed in rows.items():
        for seed, row in by_seed.items():
            auc, real, small = row["auc"], row["real"], row["sensitivity_below_6_mm"]
            text.append(
                f"| {name} | {seed} "
                f"| {auc['value']:.3f} ({auc['lower']:.3f} to {auc['upper']:.3f}) "
                f"| {row['sensitivity']:.2f} | {'-' if small is None else f'{small:.2f}'} "
                f"| {real['value']:.2f} ({real['lower']:.2f} to {real['upper']:.2f}) |"
            )
    return "\n".join(text) + "\n"


def main(given: Sequence[str] | None = None) -> None:
    """Make the table."""
    args = arguments(given)
    config = ConfigParser()
    config.read_config(str(CONFIGS / "train.json"))
    common = {
        "data_dirs": list(args.data_dirs),
        "validation_dirs": list(args.validation_dirs),
        "steps": args.steps,
        "validate_every": min(args.steps, 200),
    }
    crops = read_crops(args.test_crops)
    rows: dict[str, dict[int, dict[str, Any]]] = {}
    for name, own in variants(config["network_def"]).items():
        for seed in args.seeds:
            print(f"{name}, seed {seed}", flush=True)
            keys = {**common, **own, "seed": seed, **parse_overrides(args.more)}
            folder = args.output / "runs" / f"{name.replace(' ', '-')}-seed{seed}"
            weights = train_once(CONFIGS, ("train.json",), folder, keys, keys)
            found = judge(folder, keys, weights, crops)
            rows.setdefault(name, {})[seed] = found
            result = {"settings": common, "set": args.more, "inputs": rows}
            write_text(args.output / "table.json", json.dumps(result, indent=1) + "\n")
            write_text(args.output / "table.md", markdown(rows, args.steps))
    print((args.output / "table.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
