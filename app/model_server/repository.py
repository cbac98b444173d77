"""The networks as a model repository of NVIDIA's Triton Inference Server, in ONNX.

A folder for each network holds ``config.pbtxt`` and ``VERSION/model.onnx``. The version is that by
which clients ask for these weights, so that a repository may hold several and a client never gets
others. The layout is that of Triton's documentation ("Model Repository", "Model Configuration").
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nodulus.app.chain.model_service.identity import network_version
from nodulus.app.chain.model_service.remote_network import INPUT, OUTPUT, RATINGS
from nodulus.app.chain.models import BUNDLES, model_errors
from nodulus.app.chain.network.loading import LoadedBundle, load_bundle
from nodulus.app.chain.network.patch_network import PatchNetwork
from nodulus.app.chain.network.precision import accelerate, patch_network_of
from nodulus.app.errors import ErrorCode, NodulusError

MODEL_FILE = "model.onnx"
NAMES = ("segmentation", "nodule", "malignancy")
MOST_INPUTS = 64
"""In one forward pass; of patches of any size one."""


class _Rating(nn.Module):
    """A network that rates, with both of its outputs."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        every: torch.Tensor = self.network.every_output(x)
        return every[:, : self.network.outputs], every


def write_repository(
    folder: Path,
    models: Path | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[Path, ...]:
    """Write the three networks.

    Args:
        folder: of the repository; networks of other versions in it stay.
        models: folder with the three bundles; None for the shipped ones.
        progress: called with (networks done, networks in all).

    Returns:
        The folder of each network's version.

    Raises:
        NodulusError: ``model-not-found``, ``model-invalid``, ``package-missing``.
        OSError: it cannot be written.
    """
    _require_onnx()
    root = BUNDLES if models is None else models
    made = []
    for number, name in enumerate(NAMES, start=1):
        with model_errors(root, "a model cannot be exported", "Check the models folder."):
            made.append(_write(root / name, folder / name))
        progress(number, len(NAMES))
    return tuple(made)


def _write(root: Path, folder: Path) -> Path:
    bundle, version = load_bundle(root), network_version(root)
    target = folder / version
    target.mkdir(parents=True, exist_ok=True)
    if bundle.input_kind == "native_slices":
        raise ValueError(f"{bundle.name}: networks of slices have no fixed size to export")
    patches = patch_network_of(accelerate(bundle.network, "float32"))
    outputs = [OUTPUT, RATINGS] if bundle.ratings else [OUTPUT]
    free = {0: "batch"} if patches is None else {0: "batch", 2: "x", 3: "y", 4: "z"}
    network: Any = _Rating(bundle.network) if bundle.ratings else bundle.network
    with warnings.catch_warnings(), torch.inference_mode():
        # The exporter that traces is on its way out, and the one that follows needs onnxscript.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(2, 1, *bundle.input_size),),
            str(target / MODEL_FILE),
            dynamo=False,
            input_names=[INPUT],
            output_names=outputs,
            dynamic_axes=dict.fromkeys([INPUT, *outputs], free),
        )
    (folder / "config.pbtxt").write_text(_config(bundle, outputs, patches))
    return target


def _config(bundle: LoadedBundle, outputs: Sequence[str], patches: PatchNetwork | None) -> str:
    facts = {"precision": "float32"}
    if patches is not None:
        facts["stride"] = str(patches.stride)
    dims = [1, *bundle.input_size] if patches is None else [1, -1, -1, -1]
    logits = dims if bundle.input_kind == "isotropic_patches" else [1]
    shapes = {OUTPUT: logits, RATINGS: [len(bundle.ratings)]}
    lines = [
        f'name: "{bundle.name}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {MOST_INPUTS if patches is None else 1}",
        _tensor("input", INPUT, dims),
        *(_tensor("output", name, shapes[name]) for name in outputs),
        "version_policy: { all: { } }",
        *(
            f'parameters {{ key: "{k}" value: {{ string_value: "{v}" }} }}'
            for k, v in facts.items()
        ),
    ]
    if patches is None:
        lines.append("dynamic_batching { }")
    return "\n".join(lines) + "\n"


def _tensor(kind: str, name: str, dims: Sequence[int]) -> str:
    sizes = ", ".join(map(str, dims))
    return f'{kind} [ {{ name: "{name}" data_type: TYPE_FP32 dims: [ {sizes} ] }} ]'


def _parameter(key: str, value: str) -> str:
    return f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}'


def _require_onnx() -> None:
    from importlib.util import find_spec

    if find_spec("onnx") is None:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING,
            "The export of networks needs the package onnx.",
            remedy="Install it with: pip install -c constraints.txt '.[export]'",
        )
