"""Four ways of fine-tuning for malignancy, beside size alone and radiomics features.

    python benchmarks/malignancy_table.py --data_dirs DIR --validation_dirs DIR \
        --test_crops CROPS --seeds 0 1 2 --steps 1000 -o OUT

Trains the malignancy bundle by its own configs/train.json with `finetune` head, blocks, all and
scratch for each seed on the same split, then judges each run's final weights, the diameter, the
volume and a logistic regression of radiomics features on the validation nodules, on those of
`--test_dirs` and on crops of real ones (see bundles/common/data/rated_crops.py for their form).
Nodules rated 3 are left out. `--insert` trains with fresh nodules (configs/insert_nodules.json).
OUT gets `table.md`, `table.json` and `scores.csv`; `runs/` holds the trainings: a finished one is
kept, a stopped one goes on. Any other key of train.json: `--set KEY=VALUE`.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser

from app.chain import load_settings
from bundles.common.data.prepared import PreparedStudies
from bundles.common.data.rated_crops import RatedCrop, prepared_crops, read_crops
from bundles.common.engines import load_weights
from bundles.common.files import write_text
from bundles.common.finetuning import Finetune
from bundles.common.kept_training import train_once
from bundles.common.metrics.auc_comparison import ComparedAuc, compare_methods
from bundles.common.metrics.estimate import Estimate
from bundles.common.overrides import parse_overrides
from bundles.common.size_and_radiomics import RadiomicsModel, diameters, volumes
from bundles.common.splits import Side

CONFIGS = Path(__file__).resolve().parents[1] / "bundles" / "malignancy" / "configs"
MODES = tuple(mode.value for mode in Finetune)
BASELINE = "diameter alone"
VOLUME = "volume alone"
RADIOMICS = "radiomics, logistic regression"
Scores = dict[str, dict[str, list[list[float]]]]
"""By set and method: one row of scores a seed."""


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data_dirs", nargs="+", required=True)
    parser.add_argument("--validation_dirs", nargs="*", default=[])
    parser.add_argument("--test_dirs", nargs="*", default=[],
                        help="data folders that nothing is trained or chosen on")  # fmt: skip
    parser.add_argument("--insert", action="store_true", help="with insert_nodules.json")
    parser.add_argument("--test_crops", type=Path, help="folder with crops.npz and labels.csv")
    parser.add_argument("--modes", nargs="+", default=MODES,
                        choices=MODES)  # fmt: skip
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--initial_weights", default="bundles/nodule/models/model.pt")
    parser.add_argument("--samples", type=int, default=2000, help="of the bootstrap")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", dest="more",
                        help="further keys of train.json; values are JSON, or text")  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, required=True)
    return parser.parse_args(given)


def overrides(args: argparse.Namespace) -> dict[str, Any]:
    """What all runs have in common, as keys of train.json."""
    keys: dict[str, Any] = {
        "data_dirs": list(args.data_dirs),
        "validation_dirs": list(args.validation_dirs),
        "test_dirs": list(args.test_dirs),
        "initial_weights": str(args.initial_weights),
        "steps": args.steps,
        "validate_every": min(args.steps, 200),
    }
    return keys | parse_overrides(args.more)


def network_scores(
    config: ConfigParser, weights: Path, sets: dict[str, list[RatedCrop]]
) -> dict[str, list[float]]:
    """The logit of each nodule of each set."""
    network = load_weights(config.get_parsed_content("network_def"), weights)
    device = config.get_parsed_content("device")
    network = network.to(device).eval()
    size, window = (config.get_parsed_content(key) for key in ("crop_size", "window_hu"))
    found: dict[str, list[float]] = {}
    with torch.inference_mode():
        for name, crops in sets.items():
            parts = [
                network(torch.stack([c.cube(size, window) for c in crops[n : n + 16]]).to(device))
                for n in range(0, len(crops), 16)
            ]
            found[name] = torch.cat(parts).reshape(-1).double().cpu().tolist()
    return found


def nodules(config: ConfigParser) -> tuple[dict[Side, list[RatedCrop]], set[str]]:
    """The nodules of each side of the split, and every patient learnt from."""
    split = config.get_parsed_content("drawn_split")
    cache, spacing = (config.get_parsed_content(key) for key in ("cache_dir", "spacing_mm"))
    sides = {}
    for side, studies in split.sides().items():
        prepared = PreparedStudies(studies, cache, spacing).prepare(report=print)
        sides[side] = prepared_crops(prepared, studies, spacing)
    learnt = {study.patient_id for study in split.training}
    learnt |= {n.lidc_patient for s in split.training for n in s.nodules if n.lidc_patient}
    return sides, learnt


def both_classes(crops: Sequence[RatedCrop]) -> bool:
    """Whether an AUC of them exists."""
    return len({crop.malignant for crop in crops}) == 2


def judge(args: argparse.Namespace) -> tuple[dict[str, list[RatedCrop]], Scores, dict[str, Any]]:
    """Train what is missing and score every nodule by every method."""
    keys = overrides(args)
    config = ConfigParser()
    config.read_config(str(CONFIGS / "train.json"))
    config.update({**keys, "seed": args.seeds[0], "output_dir": str(args.output / "runs")})
    sides, learnt = nodules(config)
    training = sides.pop(Side.TRAINING)
    sets = {side.value: crops for side, crops in sides.items()}
    if args.test_crops is not None:
        sets["crops"] = read_crops(args.test_crops)
        seen = {crop.patient for crop in sets["crops"]} & learnt
        if seen:
            raise SystemExit(f"{args.test_crops}: {len(seen)} of its patients are learnt from")
    sets = {name: crops for name, crops in sets.items() if both_classes(crops)}
    if not sets:
        raise SystemExit("no set has benign and malignant nodules with masks")
    scores: Scores = {name: {} for name in sets}
    files = ("train.json", "insert_nodules.json") if args.insert else ("train.json",)
    plan = [(mode, seed) for mode in args.modes for seed in args.seeds]
    for number, (mode, seed) in enumerate(plan, start=1):
        print(f"run {number} of {len(plan)}: {mode}, seed {seed}", flush=True)
        folder = args.output / "runs" / f"{mode}-seed{seed}"
        own = {**keys, "finetune": mode, "seed": seed}
        weights = train_once(CONFIGS, files, folder, own, {"insert": args.insert, **own})
        for name, values in network_scores(config, weights, sets).items():
            scores[name].setdefault(mode, []).append(values)
    facts: dict[str, Any] = {
        "settings": keys,
        "insert": args.insert,
        "seeds": args.seeds,
        "training": count(training),
    }
    rule = load_settings().pipeline.texture.rule()
    model = RadiomicsModel(training, rule) if both_classes(training) else None
    for name, crops in sets.items():
        scores[name][BASELINE] = [diameters(crops).tolist()]
        scores[name][VOLUME] = [volumes(crops).tolist()]
        if model is not None:
            scores[name][RADIOMICS] = [model.scores(crops).tolist()]
    facts["radiomics_weights"] = model.weights() if model is not None else None
    return sets, scores, facts


def count(crops: Sequence[RatedCrop]) -> dict[str, int]:
    """How many of each class."""
    malignant = sum(crop.malignant for crop in crops)
    return {"malignant": malignant, "benign": len(crops) - malignant}


def interval(value: Estimate | None, sign: str = "") -> str:
    """As the table has it."""
    if value is None:
        return "-"
    return f"{value.value:{sign}.3f} ({value.lower:{sign}.3f} to {value.upper:{sign}.3f})"


def markdown(
    sets: dict[str, list[RatedCrop]],
    rows: dict[str, dict[str, ComparedAuc]],
    facts: dict[str, Any],
) -> str:
    """One table a set."""
    seeds, steps = len(facts["seeds"]), facts["settings"]["steps"]
    learnt = "{malignant} malignant and {benign} benign".format(**facts["training"])
    method = (
        f"A network's AUC is the mean of {seeds} training runs of {steps} steps. Intervals: 95 %, "
        "bootstrap over nodules and seeds; the difference is paired by nodule."
    )
    features = (
        f"The radiomics features were fitted on {learnt} nodules of the training side, those that "
        "have a mask."
    )
    text = [method, features]
    for name, compared in rows.items():
        found = "{malignant} malignant, {benign} benign".format(**count(sets[name]))
        text += ["", f"## {name}: {found}", ""]
        text += [f"| method | AUC | difference to {BASELINE} |", "|---|---|---|"]
        text += [
            f"| {method} | {interval(row.auc)} | {interval(row.difference, '+')} |"
            for method, row in compared.items()
        ]
    return "\n".join(text) + "\n"


def score_rows(sets: dict[str, list[RatedCrop]], scores: Scores, seeds: Sequence[int]) -> str:
    """Every score as CSV."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["set", "nodule", "malignant", "method", "seed", "score"])
    for name, methods in scores.items():
        for method, table in methods.items():
            for number, values in enumerate(table):
                seed = seeds[number] if len(table) == len(seeds) and method in MODES else ""
                for crop, value in zip(sets[name], values, strict=True):
                    writer.writerow([name, crop.name, int(crop.malignant), method, seed, value])
    return file.getvalue()


def main(given: Sequence[str] | None = None) -> None:
    """Make the table."""
    args = arguments(given)
    sets, scores, facts = judge(args)
    rows = {
        name: compare_methods(
            {method: np.array(table) for method, table in scores[name].items()},
            [crop.malignant for crop in crops],
            BASELINE,
            samples=args.samples,
        )
        for name, crops in sets.items()
    }
    result = {
        **facts,
        "sets": {
            name: {
                **count(sets[name]),
                "methods": {
                    method: {
                        "auc_by_seed": row.by_seed,
                        "auc": vars(row.auc),
                        "difference_to_diameter": row.difference and vars(row.difference),
                    }
                    for method, row in compared.items()
                },
            }
            for name, compared in rows.items()
        },
    }
    write_text(args.output / "table.json", json.dumps(result, indent=1) + "\n")
    write_text(args.output / "scores.csv", score_rows(sets, scores, args.seeds))
    table = markdown(sets, rows, facts)
    write_text(args.output / "table.md", table)
    print(table)


if __name__ == "__main__":
    main()
