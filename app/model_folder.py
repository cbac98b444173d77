"""A folder of models: the three bundles, and the settings that belong to their weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nodulus.app.chain.models import BUNDLES
from nodulus.app.chain.network.loading import load_bundle
from nodulus.app.chain.settings import load_settings
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.bundles.common.atomic_files import sha256
from nodulus.bundles.common.patient_record import record_of_weights, record_path

SETTINGS_FILES = ("operating_points.json", "pipeline.json", "lungs.json")
"""What a models folder may hold beside the bundles."""

WEIGHTS_FILE = Path("models", "model.pt")
"""Below a bundle's root."""

_NAMES = ("segmentation", "nodule", "malignancy")
_OF_THE_SHIPPED = ("eval_metrics",)
"""Keys of metadata.json that are measured of the shipped weights."""


def build_model_folder(
    weights: Mapping[str, Path],
    output: Path,
    *,
    version: str,
    data_source: str,
    settings: Path | None = None,
) -> tuple[str, ...]:
    """Put weights of one's own into copies of the shipped bundles.

    Args:
        weights: state dicts as a training publishes them, by ``segmentation``, ``nodule`` and
            ``malignancy``; what is not named stays the shipped network.
        output: the folder; must be empty or not exist.
        version: of the new weights.
        data_source: what they learnt from, in words; stands in every result.
        settings: folder with files of :data:`SETTINGS_FILES` that were chosen with these weights.

    Returns:
        The networks whose record of patients (``<name>.patients.json`` beside the weights) is
        missing: results and evaluations cannot say whom they have seen.

    Raises:
        NodulusError: ``model-not-found``, ``model-invalid``, ``settings-invalid`` or
            ``output-not-writable``.
    """
    for path in weights.values():
        _check_is_there(path)
    load_settings(settings)
    without_record = []
    with new_folder(output) as folder:
        for name in _NAMES:
            target = folder / name
            own = weights.get(name, BUNDLES / name / WEIGHTS_FILE)
            copy_shipped_bundle(name, target, own)
            record = _record(own)
            if record is None:
                without_record.append(name)
            else:
                _copy(record, record_path(target / WEIGHTS_FILE))
            if name in weights:
                _describe(target / "configs" / "metadata.json", own, version, data_source)
                _check_fits(target, own)
        if settings is not None:
            for path in filter(Path.is_file, (settings / file for file in SETTINGS_FILES)):
                _copy(path, folder / path.name)
    return tuple(without_record)


def copy_shipped_bundle(name: str, target: Path, weights: Path | None = None) -> None:
    """Copy what the chain reads of a shipped bundle.

    Args:
        name: ``segmentation``, ``nodule`` or ``malignancy``.
        target: the new bundle's root.
        weights: in place of the shipped ones.
    """
    for file in ("LICENSE", "configs/inference.json", "configs/metadata.json"):
        _copy(BUNDLES / name / file, target / file)
    _copy(weights or BUNDLES / name / WEIGHTS_FILE, target / WEIGHTS_FILE)


@contextmanager
def new_folder(output: Path) -> Iterator[Path]:
    """A folder beside the wanted one: it moves there when all went well, and else vanishes.

    Raises:
        NodulusError: ``output-not-writable``.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise _refused(output, "it exists and is not an empty folder")
    part = output.with_name(f".{output.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        if output.exists():
            output.rmdir()
        part.rename(output)
    except OSError as error:
        raise _refused(output, f"it cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_is_there(path: Path) -> None:
    if not path.is_file():
        raise NodulusError(
            ErrorCode.MODEL_NOT_FOUND,
            "no such file." if not path.exists() else "is not a file.",
            remedy="Give the weights that a training published (--weights_path), or its best.pt.",
            subject=path,
        )


def _check_fits(bundle: Path, own: Path) -> None:
    try:
        load_bundle(bundle)
    except ValueError as error:
        raise NodulusError(
            ErrorCode.MODEL_INVALID,
            f"does not hold weights of the {bundle.name} network ({_without_path(error)}).",
            remedy="Give the state dict that a training published (--weights_path), or its best.pt:"
            " no TorchScript or ONNX file, no checkpoint_*.pt, and of this bundle's network.",
            subject=own,
        ) from error


def _without_path(error: ValueError) -> str:
    return str(error).partition("model.pt: ")[2] or str(error)


def _record(weights: Path) -> Path | None:
    """The record of patients beside weights that was written for them."""
    try:
        return None if record_of_weights(weights) is None else record_path(weights)
    except ValueError as error:
        raise NodulusError(
            ErrorCode.MODEL_INVALID,
            f"is no record of patients ({error}).",
            remedy="Remove it, or copy the one that the training wrote beside its weights.",
            subject=record_path(weights),
        ) from error


def _describe(path: Path, own: Path, version: str, data_source: str) -> None:
    metadata: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for key in _OF_THE_SHIPPED:
        metadata[key] = {}
    metadata["version"] = version
    metadata["changelog"] = {version: f"Own weights, SHA-256 {sha256(own)}."}
    metadata["data_source"] = data_source
    path.write_text(json.dumps(metadata, indent=4) + "\n", encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _refused(output: Path, problem: str) -> NodulusError:
    return NodulusError(
        ErrorCode.OUTPUT_NOT_WRITABLE,
        f"{problem}.",
        remedy="Choose another folder with -o.",
        subject=output,
    )
