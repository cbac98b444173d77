"""Train a bundle from a program, once: a finished run is kept, a stopped one goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import run

from bundles.common.files import write_text


def train_once(
    configs: Path, files: Sequence[str], folder: Path, keys: Mapping[str, Any], note: Any
) -> Path:
    """Train unless ``folder`` holds the final weights; returns them.

    Args:
        configs: a bundle's folder of configs.
        files: names of those that make the run, train.json first.
        folder: of this run alone.
        keys: overrides of the config's keys.
        note: what the run is known by, as JSON, in ``settings.json``.

    Raises:
        SystemExit: the folder holds a run with another note.
    """
    weights, path = folder / "model.pt", folder / "settings.json"
    wanted = json.dumps(note, indent=1, sort_keys=True) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != wanted:
        raise SystemExit(f"{path}: made with other settings; choose another --output")
    if not weights.exists():
        write_text(path, wanted)
        run(
            config_file=[str(configs / name) for name in files],
            meta_file=str(configs / "metadata.json"),
            logging_file=str(configs / "logging.conf"),
            output_dir=str(folder),
            weights_path=str(weights),
            publish_from="final.pt",
            resume=True,
            **keys,
        )
    return weights
