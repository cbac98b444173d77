"""The networks on a real Ray Serve of this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests

from nodulus.app.chain import load_models
from nodulus.app.chain.model_service.client import ModelServiceClient
from nodulus.app.chain.model_service.identity import network_version
from nodulus.app.cohort.ray_cluster import connected
from nodulus.app.model_server.ray_serve import ServerOptions, serving

pytestmark = pytest.mark.ray
pytest.importorskip("ray.serve", reason="the extra: model-server")

CROPS = np.random.default_rng(2).random((8, 1, 48, 48, 48), np.float32)


@pytest.fixture(scope="module")
def url(quick_bundles: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ServerOptions(quick_bundles, "cpu", "float32", wait_s=0.5)
    with connected("local"), serving(options, "127.0.0.1", port):
        yield f"http://127.0.0.1:{port}"


def test_requests_at_once_get_their_own_answers(url: str, quick_bundles: Path) -> None:
    version = network_version(quick_bundles / "nodule")

    def ask(number: int) -> list[float]:
        images = CROPS[number : number + 1 + number % 3]
        found = ModelServiceClient(url).infer("nodule", version, {"image": images})
        return [float(value) for value in found.tensors["pred"][:, 0]]

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(ask, range(6)))
    middle = CROPS[:, 0, 18:31, 18:31, 18:31].mean(axis=(1, 2, 3), dtype=np.float64)
    expected = (middle - 0.2) * 10
    for number, values in enumerate(told):
        np.testing.assert_allclose(values, expected[number : number + 1 + number % 3], rtol=1e-4)


def test_the_models_of_a_service_compute_like_those_of_this_process(
    url: str, quick_bundles: Path
) -> None:
    import torch

    here, there = load_models(quick_bundles, "cpu"), load_models(quick_bundles, service=url)
    cube = torch.from_numpy(CROPS[:2])
    for name in ("segmentation", "nodule", "malignancy"):
        patch = cube.repeat(1, 1, 2, 2, 2) if name == "segmentation" else cube
        with torch.inference_mode():
            expected = getattr(here, name).network(patch)
        torch.testing.assert_close(getattr(there, name).network(patch), expected)
    assert there.info() == here.info()


def test_what_the_server_refuses(url: str) -> None:
    assert requests.get(f"{url}/v2/models/other", timeout=30).status_code == 404
    answer = requests.post(f"{url}/v2/models/nodule/infer", data=b"{}", timeout=30)
    assert (answer.status_code, "does not hold" in answer.json()["error"]) == (400, True)
    assert requests.get(f"{url}/v2/health/ready", timeout=30).status_code == 200
