"""Which loss or network the segmentation learns best with.

    python benchmarks/segmentation_variants.py --data_dirs DIR --validation_dirs DIR \
        --test_crops CROPS/crops.npz --steps 600 -o OUT
    python benchmarks/segmentation_variants.py --variants dynunet dynunet_deep_supervision \
        ... --set initial_weights=null

Trains the segmentation from the same start, on the same patches and for as many steps as
configs/train.json has it (``size_balanced``) and with each file of configs/losses and
configs/networks that is named. Each network's voxel threshold is chosen on the outlined crops by
`nodulus evaluate segmentation-points`' rule; its candidates at that threshold are then matched with
the validation studies' nodules by LUNA16's rule.
OUT gets `table.md` and `table.json`; `runs/` holds the trainings: a finished one is kept, a
stopped one goes on. Any other key of train.json: `--set KEY=VALUE`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser, run

from app.chain import load_settings
from app.chain.precision import accelerate, choose_precision
from app.chain.segment import segment
from app.evaluation.outlined import outlined_in_crops
from app.evaluation.segmentation_points import choose_segmentation_points
from bundles.common.candidates import FindCandidatesd
from bundles.common.data.prepared import PreparedStudies
from bundles.common.files import write_text
from bundles.common.loading import LoadedBundle, load_bundle
from bundles.common.metrics.detection import ScanMatch
from bundles.common.metrics.froc import CPM_RATES, FrocCounts
from bundles.common.metrics.froc_bootstrap import bootstrap_froc
from bundles.common.metrics.luna16_match import MarkMatch
from bundles.common.overrides import parse_overrides
from transforms.windowing import window

BUNDLE = Path(__file__).resolve().parents[1] / "bundles" / "segmentation"
DEFAULT = "size_balanced"
FILES = {
    path.stem: path
    for folder in ("losses", "networks")
    for path in sorted((BUNDLE / "configs" / folder).glob("*.json"))
}
LOSSES = (DEFAULT, *(name for name, path in FILES.items() if path.parent.name == "losses"))
SENSITIVITY, DICE_LOSS = 0.95, 0.02
HEADER = (
    "| variant | threshold | mean Dice, crops | crops seen | nodules with a candidate "
    "| false candidates a scan | sensitivity at 1, 4 a scan | CPM of the candidates |"
)


@dataclass(frozen=True)
class Row:
    """What one variant came to.

    Args:
        threshold: of a voxel, chosen on the crops.
        mean_dice: on the crops at the threshold.
        crops_seen: share of the crops with a voxel at or above the threshold in the outline.
        sensitivity: on the validation studies at each of :data:`CPM_RATES`.
        cpm: their mean, with its 95 % interval.
        found: share of the validation nodules with a candidate at all.
        false_per_scan: false candidates a validation study, all of them.
    """

    threshold: float
    mean_dice: float
    crops_seen: float
    sensitivity: tuple[float, ...]
    cpm: tuple[float, float, float]
    found: float
    false_per_scan: float


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data_dirs", nargs="+", required=True)
    parser.add_argument("--validation_dirs", nargs="+", required=True)
    parser.add_argument("--test_crops", type=Path, required=True, help="crops.npz")
    parser.add_argument("--variants", nargs="+", default=LOSSES, choices=(DEFAULT, *FILES))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--insert", action="store_true", help="with insert_nodules.json")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", dest="more",
                        help="further keys of train.json; values are JSON, or text")  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, required=True)
    return parser.parse_args(given)


def overrides(args: argparse.Namespace) -> dict[str, Any]:
    """What all runs have in common, as keys of train.json."""
    keys: dict[str, Any] = {
        "data_dirs": list(args.data_dirs),
        "validation_dirs": list(args.validation_dirs),
        "steps": args.steps,
        "validate_every": min(args.steps, 200),
        "seed": args.seed,
    }
    return keys | parse_overrides(args.more)


def train(variant: str, folder: Path, keys: dict[str, Any], insert: bool) -> Path:
    """Train one variant unless that is done; returns the bundle's folder."""
    configs = BUNDLE / "configs"
    files = [configs / "train.json"]
    if insert:
        files.append(configs / "insert_nodules.json")
    if variant != DEFAULT:
        files.append(FILES[variant])
    weights = folder / "models" / "model.pt"
    if not weights.exists():
        shutil.copytree(configs, folder / "configs", dirs_exist_ok=True)
        name_network(folder / "configs" / "inference.json", files)
        run(
            config_file=[str(file) for file in files],
            meta_file=str(configs / "metadata.json"),
            logging_file=str(configs / "logging.conf"),
            output_dir=str(folder / "run"),
            weights_path=str(weights),
            publish_from="final.pt",
            resume=True,
            **keys,
        )
    return folder


def name_network(inference: Path, files: Sequence[Path]) -> None:
    """Let inference build the network that the last of the training's files names."""
    config = json.loads(inference.read_text(encoding="utf-8"))
    for file in files:
        config["network_def"] = json.loads(file.read_text(encoding="utf-8")).get(
            "network_def", config["network_def"]
        )
    write_text(inference, json.dumps(config, indent=4) + "\n")


def chain_network(folder: Path) -> LoadedBundle:
    """The trained network as the chain computes it."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    bundle = load_bundle(folder, device)
    return replace(bundle, network=accelerate(bundle.network, choose_precision("auto", device)))


def match_studies(bundle: LoadedBundle, studies: PreparedStudies, threshold: float) -> MarkMatch:
    """The network's candidates on prepared studies against their nodules."""
    settings = load_settings().pipeline
    device = next(bundle.network.parameters()).device
    find = FindCandidatesd("pred", threshold, min_volume_mm3=settings.min_candidate_volume_mm3)
    scans: list[ScanMatch] = []
    for item in studies:
        lungs = np.asarray(item["lungs"][0]) > 0
        probability = segment(
            item["image"],
            lungs,
            bundle.network,
            scale=lambda hu: window(hu.float(), bundle.window_hu, bundle.input_range),
            roi_size=bundle.roi_size,
            pipeline=settings,
            device=device,
        )
        scans.append(find({**item, "pred": torch.from_numpy(probability)[None]})["match"])
    numbers = np.arange(len(scans))
    return MarkMatch(
        scans=len(scans),
        nodule_scan=np.repeat(numbers, [len(scan.found) for scan in scans]),
        nodule_score=np.concatenate([scan.found for scan in scans]),
        false_scan=np.repeat(numbers, [len(scan.false_scores) for scan in scans]),
        false_score=np.concatenate([scan.false_scores for scan in scans]),
        counted_marks=sum(len(scan.hit) for scan in scans),
        surplus_marks=0,
        ignored_marks=0,
        duplicate_marks=0,
    )


def judge(bundle: LoadedBundle, crops: Path, studies: PreparedStudies) -> Row:
    """Measure one network."""
    device = next(bundle.network.parameters()).device
    outlined = outlined_in_crops(crops, bundle, device)
    points = choose_segmentation_points(outlined, "", SENSITIVITY, dice_loss=DICE_LOSS)
    threshold = points.voxel.threshold
    at = next(row for row in points.curve if row.threshold == threshold)
    match = match_studies(bundle, studies, threshold)
    curve = FrocCounts(match).curve()
    assert curve is not None
    interval = bootstrap_froc(match).cpm
    return Row(
        threshold=threshold,
        mean_dice=at.mean_dice,
        crops_seen=at.sensitivity,
        sensitivity=tuple(float(v) for v in curve.sensitivity_at(CPM_RATES)),
        cpm=(curve.cpm, interval.lower, interval.upper),
        found=match.true_positives / len(match.nodule_score),
        false_per_scan=match.false_positives / match.scans,
    )


def markdown(rows: dict[str, Row], keys: dict[str, Any]) -> str:
    """The table."""
    text = [
        f"{keys['steps']} steps each, seed {keys['seed']}. 95 % intervals: bootstrap over studies.",
        "",
        HEADER,
        "|" + "---|" * (HEADER.count("|") - 1),
    ]
    one, four = CPM_RATES.index(1.0), CPM_RATES.index(4.0)
    for variant, row in rows.items():
        cpm, lower, upper = row.cpm
        text.append(
            f"| {variant} | {row.threshold:.2f} | {row.mean_dice:.3f} | {row.crops_seen:.2f} "
            f"| {row.found:.2f} | {row.false_per_scan:.1f} "
            f"| {row.sensitivity[one]:.2f}, {row.sensitivity[four]:.2f} "
            f"| {cpm:.3f} ({lower:.3f} to {upper:.3f}) |"
        )
    return "\n".join(text) + "\n"


def main(given: Sequence[str] | None = None) -> None:
    """Make the table."""
    args = arguments(given)
    keys = overrides(args)
    config = ConfigParser()
    config.read_config(str(BUNDLE / "configs" / "train.json"))
    config.update({**keys, "output_dir": str(args.output / "runs")})
    cache, spacing = (config.get_parsed_content(key) for key in ("cache_dir", "spacing_mm"))
    validation = config.get_parsed_content("drawn_split").validation
    studies = PreparedStudies(validation, cache, spacing).prepare(report=print)
    rows: dict[str, Row] = {}
    for number, variant in enumerate(args.variants, start=1):
        print(f"run {number} of {len(args.variants)}: {variant}", flush=True)
        folder = train(variant, args.output / "runs" / variant, keys, args.insert)
        rows[variant] = judge(chain_network(folder), args.test_crops, studies)
        result = {"settings": keys, "variants": {name: asdict(row) for name, row in rows.items()}}
        write_text(args.output / "table.json", json.dumps(result, indent=1) + "\n")
        write_text(args.output / "table.md", markdown(rows, keys))
    print((args.output / "table.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
