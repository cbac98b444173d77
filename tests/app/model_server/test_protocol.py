"""What the server answers, without any HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nodulus.app.chain.model_service.identity import network_version
from nodulus.app.chain.model_service.tensors import HEADER_LENGTH, Message, decode, encode
from nodulus.app.chain.network.loading import load_bundle
from nodulus.app.model_server.protocol import Protocol, RefusedError, result
from nodulus.app.model_server.served_network import ServedNetwork, load_served

CROP = np.random.default_rng(3).random((2, 1, 48, 48, 48), np.float32)


@pytest.fixture(scope="module")
def served(quick_bundles: Path) -> tuple[ServedNetwork, ...]:
    return load_served(quick_bundles, "cpu")


@pytest.fixture(scope="module")
def protocol(served: tuple[ServedNetwork, ...]) -> Protocol:
    return Protocol(served)


def post(header: dict[str, Any], image: Any = CROP, **more: Any) -> tuple[dict[str, str], bytes]:
    body, length = encode(Message(header, {"image": image, **more}), "inputs")
    return {HEADER_LENGTH: str(length)}, body


def test_the_server_describes_itself_and_its_networks(
    protocol: Protocol, quick_bundles: Path
) -> None:
    about = json.loads(protocol.describe("/v2").body)
    assert (about["name"], about["extensions"]) == ("nodulus", ["binary_tensor_data"])
    assert protocol.describe("/v2/health/ready").status == 200
    for name in ("segmentation", "nodule", "malignancy"):
        version = network_version(quick_bundles / name)
        for path in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}"):
            told = json.loads(protocol.describe(path).body)
            assert (told["name"], told["versions"]) == (name, [version])
            assert told["parameters"]["sha256"] == load_bundle(quick_bundles / name).sha256
            assert protocol.describe(f"{path}/ready").status == 200
    assert told["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 1, 48, 48, 48]}]


@pytest.mark.parametrize(
    "path",
    ["/", "/v2/models", "/v2/models/other", "/v2/models/nodule/versions/1", "/v2/models/nodule/x"],
)
def test_what_there_is_not(protocol: Protocol, path: str) -> None:
    assert protocol.describe(path).status == 404


@pytest.mark.parametrize("binary", [True, False])
def test_a_request_is_answered_by_the_network(
    protocol: Protocol, quick_bundles: Path, binary: bool
) -> None:
    parameters = {"binary_data_output": True} if binary else {}
    request = protocol.inference(
        "/v2/models/nodule/infer", *post({"id": "one", "parameters": parameters})
    )
    answer = result(request, request.network.run([request.image])[0])
    length = answer.headers.get(HEADER_LENGTH)
    assert (length is not None) == binary
    found = decode(answer.body, int(length) if length else None, "outputs")
    bundle = load_bundle(quick_bundles / "nodule")
    with torch.inference_mode():
        expected = bundle.network(torch.from_numpy(CROP)).numpy()
    np.testing.assert_allclose(found.tensors["pred"], expected, rtol=1e-6)
    assert found.header["model_version"] == network_version(quick_bundles / "nodule")
    assert found.header["id"] == "one"
    assert found.header["parameters"]["sha256"] == bundle.sha256


def test_requests_of_one_shape_are_computed_at_once(served: tuple[ServedNetwork, ...]) -> None:
    nodule = served[1]
    seen = []
    count = nodule.bundle.network.register_forward_pre_hook(lambda _, x: seen.append(len(x[0])))
    try:
        found = nodule.run([CROP, CROP[:1], CROP[1:]])
    finally:
        count.remove()
    assert seen == [4]
    (both, first, second) = (one["pred"] for one in found)
    np.testing.assert_array_equal(both, np.concatenate([first, second]))


@pytest.mark.parametrize(
    ("header", "more", "why"),
    [
        ({}, {"image": CROP[..., :40]}, "axis 4 of image must be 48, not 40"),
        ({}, {"image": CROP[0]}, "5 axes"),
        ({}, {"image": CROP[:0]}, "a voxel at least"),
        ({}, {"other": CROP[:, :, 0, 0, 0]}, "the one input"),
        ({"outputs": [{"name": "ratings"}]}, {}, "outputs are pred"),
        ({"outputs": 3}, {}, "does not hold"),
    ],
)
def test_a_request_that_does_not_hold(
    protocol: Protocol, header: dict[str, Any], more: dict[str, Any], why: str
) -> None:
    with pytest.raises(RefusedError, match=why) as caught:
        protocol.inference("/v2/models/nodule/infer", *post(header, **more))
    assert caught.value.status == 400


def test_bytes_that_are_no_request(protocol: Protocol) -> None:
    with pytest.raises(RefusedError, match="does not hold"):
        protocol.inference("/v2/models/nodule/infer", {HEADER_LENGTH: "x"}, b"")
    with pytest.raises(RefusedError, match="no such resource"):
        protocol.inference("/v2/models/nodule", *post({}))


def test_a_patch_is_computed_as_in_this_process() -> None:
    """The shipped segmentation, in stages, part by part."""
    network = load_served(None, "cpu", "float32")[0]
    assert network.metadata()["parameters"]["stride"] == "8"
    image = np.random.default_rng(1).random((1, 1, 40, 24, 32), np.float32)
    plain = load_bundle(Path(__file__).resolve().parents[3] / "bundles" / "segmentation").network
    with torch.inference_mode():
        expected = plain(torch.from_numpy(image)).numpy()
    np.testing.assert_allclose(network.run([image])[0]["pred"], expected, atol=2e-4)
    with pytest.raises(ValueError, match="multiple of 8"):
        network.check(image[:, :, :39])
