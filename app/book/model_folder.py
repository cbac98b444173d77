"""The book's checkpoints as a model folder of the chain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from nodulus.app.book.checkpoint import Checkpoint, read_checkpoint
from nodulus.app.book.convert import Converted, convert_classifier, convert_segmentation
from nodulus.app.model_folder import copy_shipped_bundle, new_folder

BOOK_RECIPE = "book"
"""The sub-folder with the settings of the book's own chain, for ``--settings``."""


def import_checkpoints(
    segmentation: Path, nodule: Path, malignancy: Path | None, output: Path
) -> None:
    """Write a model folder: three bundles, the settings that belong to them, and the book's.

    Args:
        segmentation: checkpoint of the U-Net of chapter 13.
        nodule: checkpoint of LunaModel, nodule or not.
        malignancy: checkpoint of LunaModel, malignant or not; None to put the shipped malignancy
            bundle, with its operating point, in its place.
        output: the folder; must be empty or not exist.

    Raises:
        NodulusError: ``model-not-found``, ``model-invalid`` or ``output-not-writable``.
    """
    with new_folder(output) as folder:
        _write_segmentation(folder, read_checkpoint(segmentation))
        _write_classifier(folder, "nodule", read_checkpoint(nodule))
        if malignancy is None:
            copy_shipped_bundle("malignancy", folder / "malignancy")
        else:
            _write_classifier(folder, "malignancy", read_checkpoint(malignancy))
        points = _template("operating_points.json")
        if malignancy is None:
            shipped = (resources.files("nodulus.configs") / "operating_points.json").read_text(
                "utf-8"
            )
            points["malignancy"] = json.loads(shipped)["malignancy"]
        for recipe in (".", BOOK_RECIPE):
            _write_json(folder / recipe / "operating_points.json", points)
            _write_json(folder / recipe / "pipeline.json", _template(f"{recipe}/pipeline.json"))


def _write_segmentation(folder: Path, checkpoint: Checkpoint) -> None:
    converted = convert_segmentation(checkpoint)
    slices, features = converted.arguments["slices"], converted.arguments["features"]
    inference = _template("segmentation/inference.json")
    inference["slices"] = slices
    inference["network_def"]["features"] = features
    metadata = _template("segmentation/metadata.json")
    formats = metadata["network_data_format"]
    formats["inputs"]["image"]["num_channels"] = slices
    for image in (formats["inputs"]["image"], formats["outputs"]["pred"]):
        image["spatial_shape"] = [f"{2 ** (len(features) - 1)}*n"] * 2
    _write_bundle(folder / "segmentation", checkpoint, converted, inference, metadata)


def _write_classifier(folder: Path, name: str, checkpoint: Checkpoint) -> None:
    inference = _template(f"{name}/inference.json")
    converted = convert_classifier(checkpoint, inference["crop_size"])
    inference["network_def"]["features"] = converted.arguments["features"]
    metadata = _template(f"{name}/metadata.json")
    _write_bundle(folder / name, checkpoint, converted, inference, metadata)


def _write_bundle(
    root: Path,
    checkpoint: Checkpoint,
    converted: Converted,
    inference: Mapping[str, Any],
    metadata: Mapping[str, Any],
) -> None:
    epoch = "" if checkpoint.epoch is None else f", epoch {checkpoint.epoch}"
    origin = f"Imported from a checkpoint{epoch}, SHA-256 {checkpoint.sha256}."
    _write_json(root / "configs" / "inference.json", inference)
    _write_json(
        root / "configs" / "metadata.json",
        {**metadata, "changelog": {metadata["version"]: origin}},
    )
    (root / "models").mkdir()
    torch.save(converted.network.state_dict(), root / "models" / "model.pt")


def _template(name: str) -> dict[str, Any]:
    text = (resources.files("nodulus.configs") / "dlwpt" / name).read_text("utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
