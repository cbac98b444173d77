"""The bundles as TorchScript and as ONNX give what the network gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.bundle import ckpt_export, onnx_export

from nodulus.app.chain.network.loading import load_bundle

NAMES = ["segmentation", "nodule", "malignancy"]
EDGE = 48


def arguments(bundles, name, path):
    root = bundles / name
    return {
        "net_id": "network_def",
        "filepath": str(path),
        "ckpt_file": str(root / "models" / "model.pt"),
        "config_file": str(root / "configs" / "inference.json"),
        "meta_file": str(root / "configs" / "metadata.json"),
        "use_trace": True,
        "input_shape": [2, 1, EDGE, EDGE, EDGE],
    }


def batches(bundles, name):
    """Inputs of other batch sizes than the exported one, and the network's own outputs."""
    network = load_bundle(bundles / name).network
    for size in (1, 3):
        image = torch.rand(size, 1, EDGE, EDGE, EDGE, generator=torch.Generator().manual_seed(size))
        with torch.no_grad():
            yield image, network(image)


@pytest.mark.parametrize("name", NAMES)
def test_torchscript(bundles, name, tmp_path):
    path = tmp_path / "model.ts"
    ckpt_export(**arguments(bundles, name, path))
    module = torch.jit.load(path)
    for image, expected in batches(bundles, name):
        with torch.no_grad():
            torch.testing.assert_close(module(image), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_onnx(bundles, name, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra: export")
    path = tmp_path / "model.onnx"
    converter = bundles / "common" / "configs" / "onnx.json"
    onnx_export(**arguments(bundles, name, path), args_file=str(converter))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for image, expected in batches(bundles, name):
        (result,) = session.run(["pred"], {"image": image.numpy()})
        np.testing.assert_allclose(result, expected.numpy(), atol=1e-4, rtol=0)
