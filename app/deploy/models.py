"""The three networks from a folder of bundles, or from one in the form that the SDK knows.

MONAI Deploy's model repository has one folder a model and exactly one file in each, a TorchScript
archive. `package_model` writes one as MONAI's ``ckpt_export`` does, with the bundle's
``metadata.json`` and ``inference.json`` inside; `load_deployed_models` reads it. The weights are
taken out of the archive and put into the network that ``inference.json`` describes, so that the
outcome is the bundle's.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from nodulus.app.chain import Models, load_models
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.private_folder import private_folder
from nodulus.bundles.common.atomic_files import sha256

MODEL_NAMES = ("segmentation", "nodule", "malignancy")
MODEL_FILE = "model.ts"
_CONFIGS = ("metadata.json", "inference.json")


def load_deployed_models(folder: Path | None, device: str = "auto") -> Models:
    """Load the three networks.

    Args:
        folder: holds a folder for each of them, either a bundle or one with ``model.ts``; None
            for the shipped bundles.
        device: ``cpu``, ``cuda``, ``cuda:1`` or ``auto``.

    Raises:
        NodulusError: ``model-not-found`` or ``model-invalid``.
    """
    if folder is None or not any((folder / name / MODEL_FILE).is_file() for name in MODEL_NAMES):
        return load_models(folder, device)
    with private_folder() as temporary:
        for name in MODEL_NAMES:
            _unpack(folder / name / MODEL_FILE, temporary / name)
        loaded = load_models(temporary, device)
    segmentation, nodule, malignancy = (
        replace(bundle, sha256=sha256(folder / bundle.name / MODEL_FILE))
        for bundle in (loaded.segmentation, loaded.nodule, loaded.malignancy)
    )
    return Models(segmentation, nodule, malignancy, loaded.device)


def package_model(bundle: Path, folder: Path) -> Path:
    """Write one bundle as a folder of the SDK's model repository.

    Args:
        bundle: the bundle's root.
        folder: of this model; made where it is missing.

    Returns:
        The file, the only one in the folder.

    Raises:
        FileNotFoundError: a file of the bundle is missing.
        ValueError: the bundle does not hold.
    """
    import torch

    from nodulus.app.chain.network.loading import load_bundle

    network = load_bundle(bundle, "cpu").network
    extra = {name: (bundle / "configs" / name).read_text(encoding="utf-8") for name in _CONFIGS}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MODEL_FILE
    torch.jit.save(torch.jit.script(network), str(path), _extra_files=extra)
    return path


def _unpack(path: Path, bundle: Path) -> None:
    """Turn ``model.ts`` into the files of a bundle that `load_models` reads."""
    import torch

    if not path.is_file():
        raise NodulusError(
            ErrorCode.MODEL_NOT_FOUND,
            "The model is missing.",
            remedy="Write the model folder again with `nodulus package`.",
            subject=path,
        )
    extra = dict.fromkeys(_CONFIGS, "")
    try:
        load: Any = torch.jit.load
        script = load(str(path), map_location="cpu", _extra_files=extra)
        texts = {name: _text(extra[name]) for name in _CONFIGS}
        for text in texts.values():
            json.loads(text)
    except (RuntimeError, ValueError) as error:
        raise NodulusError(
            ErrorCode.MODEL_INVALID,
            "The file is no TorchScript archive with metadata.json and inference.json.",
            remedy="Write the model folder again with `nodulus package`.",
            subject=path,
        ) from error
    (bundle / "configs").mkdir(parents=True)
    (bundle / "models").mkdir()
    for name, text in texts.items():
        (bundle / "configs" / name).write_text(text, encoding="utf-8")
    torch.save(script.state_dict(), bundle / "models" / "model.pt")


def _text(content: str | bytes) -> str:
    return content.decode("utf-8") if isinstance(content, bytes) else content
