"""The client against a server that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from nodulus.app.chain.model_service import client as client_module
from nodulus.app.chain.model_service.client import ModelServiceClient
from nodulus.app.chain.model_service.identity import network_version
from nodulus.app.chain.model_service.load import load_remote_bundle
from nodulus.app.chain.model_service.tensors import HEADER_LENGTH, Message, encode
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.model_server.protocol import Answer
from tests.app.model_server.loopback import listening

IMAGE = {"image": np.ones((1, 1, 2, 2, 2), np.float32)}


def json_answer(content: object, status: int = 200) -> Answer:
    body = json.dumps(content).encode()
    return Answer(status, {"Content-Length": str(len(body))}, body)


def logits(version: str = "5", values: float = 2.0, **header: object) -> Answer:
    message = Message(
        {"model_version": version, **header}, {"pred": np.full((1, 1), values, np.float32)}
    )
    body, length = encode(message, "outputs")
    return Answer(200, {HEADER_LENGTH: str(length), "Content-Length": str(len(body))}, body)


class Script:
    """Answers in a row, the last one again and again; what was asked is kept."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, str | None]] = []

    def __call__(self, method: str, path: str, headers: Mapping[str, str], _body: bytes) -> Answer:
        self.asked.append((method, path, headers.get("Authorization")))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def asking(*answers: Answer) -> Iterator[tuple[ModelServiceClient, Script]]:
    script = Script(*answers)
    with listening(script) as url:
        yield ModelServiceClient(url, pauses_s=(0.0, 0.0)), script


def refusal(client: ModelServiceClient) -> NodulusError:
    with pytest.raises(NodulusError) as caught:
        client.infer("nodule", "5", IMAGE)
    return caught.value


def test_the_version_is_asked_for_and_the_values_come_back() -> None:
    with asking(logits(values=3.5)) as (client, script):
        found = client.infer("nodule", "5", IMAGE)
    assert found.tensors["pred"].tolist() == [[3.5]]
    assert script.asked == [("POST", "/v2/models/nodule/versions/5/infer", None)]


def test_errors_of_the_server_are_tried_again() -> None:
    with asking(json_answer({}, 503), json_answer({}, 500), logits()) as (client, script):
        assert client.infer("nodule", "5", IMAGE).tensors["pred"].tolist() == [[2.0]]
    assert len(script.asked) == 3


def test_a_server_that_stays_away() -> None:
    with asking(json_answer({}, 503)) as (client, script):
        error = refusal(client)
    assert len(script.asked) == 3
    assert error.code is ErrorCode.MODEL_SERVICE_NOT_REACHABLE
    assert "status 503" in error.message
    assert "--retry-failed" in error.remedy
    assert refusal(client).code is ErrorCode.MODEL_SERVICE_NOT_REACHABLE, "nothing listens now"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (json_answer({"error": "no such version"}, 404), "status 404"),
        (logits(version="6"), "another version"),
        (Answer(200, {HEADER_LENGTH: "2", "Content-Length": "3"}, b"{}x"), "cannot be read"),
        (Answer(302, {"Location": "/x", "Content-Length": "0"}, b""), "status 302"),
    ],
)
def test_an_answer_of_other_weights_or_none_is_refused(answer: Answer, why: str) -> None:
    with asking(answer) as (client, script):
        error = refusal(client)
    assert (error.code, len(script.asked)) == (ErrorCode.MODEL_INVALID, 1)
    assert why in error.message


def test_a_token_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(client_module.TOKEN_VARIABLE, "secret")
    with asking(logits()) as (client, script):
        client.infer("nodule", "5", IMAGE)
    assert script.asked[0][2] == "Bearer secret"


@pytest.mark.parametrize("url", ["host:8000", "ftp://host", "http://", "grpc://host:8001"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(NodulusError, match="no URL"):
        ModelServiceClient(url)


def test_the_parameters_of_triton_lie_in_its_configuration(quick_bundles: Path) -> None:
    config = {"parameters": {"stride": {"string_value": "8"}}}
    with asking(json_answer({"name": "segmentation"}), json_answer(config)) as (client, script):
        bundle = load_remote_bundle(quick_bundles / "segmentation", client)
    patches = bundle.network.patches
    assert patches is not None
    assert (patches.stride, patches.reach) == (8, None)
    assert script.asked[1][1].endswith("/config")


@pytest.mark.parametrize(
    "answer",
    [json_answer({}, 404), json_answer({}, 400), json_answer({"parameters": {"sha256": "0" * 64}})],
)
def test_other_weights_are_refused_before_anything_is_analysed(
    quick_bundles: Path, answer: Answer
) -> None:
    with asking(answer) as (client, _), pytest.raises(NodulusError) as caught:
        load_remote_bundle(quick_bundles / "nodule", client)
    assert caught.value.code is ErrorCode.MODEL_INVALID
    assert network_version(quick_bundles / "nodule") in caught.value.message


def test_a_server_of_something_else(quick_bundles: Path) -> None:
    answer = Answer(200, {"Content-Length": "2"}, b"hi")
    with asking(answer) as (client, _), pytest.raises(NodulusError) as caught:
        load_remote_bundle(quick_bundles / "nodule", client)
    assert caught.value.code is ErrorCode.MODEL_SERVICE_NOT_REACHABLE


def test_another_precision_in_the_middle_is_noticed(quick_bundles: Path) -> None:
    import torch

    version = network_version(quick_bundles / "nodule")
    facts = json_answer({"parameters": {"precision": "float32"}})
    other = logits(version, parameters={"precision": "bfloat16"})
    with asking(facts, logits(version), other) as (client, _):
        network = load_remote_bundle(quick_bundles / "nodule", client).network
        assert network(torch.zeros(1, 1, 2, 2, 2)).tolist() == [[2.0]]
        with pytest.raises(NodulusError, match="precision"):
            network(torch.zeros(1, 1, 2, 2, 2))


def test_a_version_follows_from_weights_and_config(quick_bundles: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "nodule"
    shutil.copytree(quick_bundles / "nodule", copy)
    version = network_version(copy)
    assert version == network_version(quick_bundles / "nodule")
    assert 0 < int(version) < 2**63
    with (copy / "configs" / "inference.json").open("a") as stream:
        stream.write(" ")
    other = network_version(copy)
    (copy / "models" / "model.pt").write_bytes(b"others")
    assert len({version, other, network_version(copy)}) == 3
