"""Would heads for texture and spiculation help? python benchmarks/rating_heads.py.

    python benchmarks/rating_heads.py --data_dirs DIR --validation_dirs DIR \
        --test_crops CROPS -o OUT

A linear head on the malignancy network's trunk, which stays as it is, learns whether the readers
called a nodule spiculated (3 and above) and whether they called it part-solid or ground glass (4
and below), from the rated nodules of the training side; it is judged on the validation side and on
crops of real nodules, beside what the chain measures without learning (for texture: the share of
solid voxels; for spiculation: the diameter) and beside radiomics features with the same regression.
OUT gets `table.md` and `table.json`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.chain import load_settings
from bundles.common.data.prepared import PreparedStudies
from bundles.common.data.rated_crops import RatedCrop, prepared_crops, read_crops
from bundles.common.files import write_text
from bundles.common.loading import LoadedBundle, load_bundle
from bundles.common.metrics.delong import auc_interval
from bundles.common.radiomics import FEATURES
from bundles.common.size_and_radiomics import diameters, feature_table
from bundles.common.splits import Side

BUNDLE = Path(__file__).resolve().parents[1] / "bundles" / "malignancy"
SOLID_SHARE = "solid_share"
Table = NDArray[np.float64]
Is = Callable[[float], bool]
QUESTIONS: dict[str, tuple[str, Is]] = {
    "spiculated": ("spiculation", lambda rating: rating >= 3),
    "not solid": ("texture", lambda rating: rating <= 4),
}


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data_dirs", nargs="+", required=True)
    parser.add_argument("--validation_dirs", nargs="*", default=[])
    parser.add_argument("--test_crops", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    return parser.parse_args(given)


def sides(args: argparse.Namespace) -> dict[str, list[RatedCrop]]:
    """The rated nodules to learn from and to judge on."""
    config = ConfigParser()
    config.read_config(str(BUNDLE / "configs" / "train.json"))
    config.update(
        {
            "data_dirs": list(args.data_dirs),
            "validation_dirs": list(args.validation_dirs),
            "output_dir": str(args.output / "run"),
        }
    )
    split = config.get_parsed_content("drawn_split")
    cache, spacing = (config.get_parsed_content(key) for key in ("cache_dir", "spacing_mm"))
    found = {}
    for side in (Side.TRAINING, Side.VALIDATION):
        studies = split.of(side)
        prepared = PreparedStudies(studies, cache, spacing).prepare(report=print)
        found[side.value] = prepared_crops(prepared, studies, spacing)
    return {**found, "crops": read_crops(args.test_crops)}


def trunk_features(bundle: LoadedBundle, crops: Sequence[RatedCrop]) -> Table:
    """What the network's last layer sees of each nodule, shape (n, channels)."""
    seen: list[torch.Tensor] = []
    last: torch.nn.Module = bundle.network.fc  # type: ignore[assignment]
    hook = last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].flatten(1)))
    device = next(bundle.network.parameters()).device
    size = bundle.roi_size[0]
    with torch.inference_mode():
        for n in range(0, len(crops), 16):
            cubes = [crop.cube(size, bundle.window_hu) for crop in crops[n : n + 16]]
            bundle.network(torch.stack(cubes).to(device))
    hook.remove()
    return np.asarray(torch.cat(seen).double().cpu().numpy())


def judge(args: argparse.Namespace) -> dict[str, Any]:
    """AUC of each method for each question on each set."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    bundle = load_bundle(BUNDLE, device)
    rule = load_settings().pipeline.texture.rule()
    sets = sides(args)
    trunk = {name: trunk_features(bundle, crops) for name, crops in sets.items()}
    measured = {name: feature_table(crops, rule) for name, crops in sets.items()}
    answers: dict[str, Any] = {}
    for question, (rating, is_so) in QUESTIONS.items():
        rows = {
            name: np.flatnonzero([rating in crop.ratings for crop in crops])
            for name, crops in sets.items()
        }
        truth = {
            name: np.array([is_so(crops[n].ratings[rating]) for n in rows[name]], dtype=bool)
            for name, crops in sets.items()
        }
        learnt = {
            "linear head on the malignancy network": trunk,
            "radiomics, logistic regression": measured,
        }
        scores: dict[str, dict[str, Table]] = {}
        for method, tables in learnt.items():
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1))
            model.fit(tables["training"][rows["training"]], truth["training"])
            scores[method] = {
                name: model.decision_function(tables[name][rows[name]]) for name in sets
            }
        for name, crops in sets.items():
            own = [crops[n] for n in rows[name]]
            if question == "spiculated":
                scores.setdefault("diameter", {})[name] = diameters(own)
            else:
                share = measured[name][rows[name], FEATURES.index(SOLID_SHARE)]
                scores.setdefault("measured share of solid voxels", {})[name] = -share
        answers[question] = {
            "positives": {name: [int(t.sum()), len(t)] for name, t in truth.items()},
            "auc": {
                method: {
                    name: vars(auc_interval(values[name], truth[name]))
                    for name in sets
                    if name != "training"
                }
                for method, values in scores.items()
            },
        }
    return answers


def markdown(answers: dict[str, Any]) -> str:
    """The table."""
    text = ["| rating | method | AUC, validation | AUC, real crops |", "|---|---|---|---|"]
    for question, answer in answers.items():
        for method, auc in answer["auc"].items():
            cells = [
                f"{v['value']:.3f} ({v['lower']:.3f} to {v['upper']:.3f})"
                for v in (auc["validation"], auc["crops"])
            ]
            of = [
                "{} of {}".format(*answer["positives"][name])
                for name in ("training", "validation", "crops")
            ]
            text.append(f"| {question} ({', '.join(of)}) | {method} | {cells[0]} | {cells[1]} |")
    return "\n".join(text) + "\n"


def main(given: Sequence[str] | None = None) -> None:
    """Make the table."""
    args = arguments(given)
    answers = judge(args)
    write_text(args.output / "table.json", json.dumps(answers, indent=1) + "\n")
    write_text(args.output / "table.md", markdown(answers))
    print(markdown(answers))


if __name__ == "__main__":
    main()
