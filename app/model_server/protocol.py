"""The server's side of the Open Inference Protocol, version 2, over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from nodulus.app.chain.model_service.remote_network import INPUT, OUTPUT
from nodulus.app.chain.model_service.tensors import (
    BINARY,
    HEADER_LENGTH,
    Floats,
    Message,
    decode,
    encode,
)
from nodulus.app.model_server.served_network import ServedNetwork

MOST_BYTES = 256 * 2**20
"""Of a request: room for a patch of 64 million voxels, more than the chain sends."""
_MODEL = re.compile(r"/v2/models/(?P<name>[^/]+)(/versions/(?P<version>[^/]+))?(/(?P<what>\w+))?")


class RefusedError(Exception):
    """A request that has no answer.

    Args:
        status: of HTTP.
        message: why.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Answer:
    """A response of HTTP.

    Args:
        status: of HTTP.
        headers: of HTTP.
        body: with the length that the headers say.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Inference:
    """A request to compute.

    Args:
        network: that is to compute.
        image: its input.
        id: that the client gave the request, to be repeated.
        outputs: names of those that are wanted; all where there is none.
        binary: whether the answer is to be binary.
    """

    network: ServedNetwork
    image: Floats
    id: str | None
    outputs: tuple[str, ...]
    binary: bool


class Protocol:
    """Reads requests and writes responses.

    Args:
        networks: of the server.
    """

    def __init__(self, networks: Sequence[ServedNetwork]) -> None:
        self._networks = {network.name: network for network in networks}

    def describe(self, path: str) -> Answer:
        """Answer a GET request.

        Args:
            path: of the URL.
        """
        if path in ("/v2/health/live", "/v2/health/ready"):
            return Answer(200, {"Content-Length": "0"}, b"")
        if path.rstrip("/") == "/v2":
            about = {"name": "nodulus", "version": metadata.version("nodulus")}
            return _json(200, {**about, "extensions": ["binary_tensor_data"]})
        try:
            network, what = self._network(path)
            if what == "ready":
                return _json(200, {"name": network.name, "ready": True})
            if what is not None:
                raise RefusedError(404, "there is no such resource")
            return _json(200, network.metadata())
        except RefusedError as refusal:
            return refused(refusal)

    def inference(self, path: str, headers: Mapping[str, str], body: bytes) -> Inference:
        """Read a POST request.

        Args:
            path: of the URL.
            headers: of HTTP, in which upper and lower case do not matter.
            body: of the request.

        Raises:
            RefusedError: it does not hold.
        """
        network, what = self._network(path)
        if what != "infer":
            raise RefusedError(404, "there is no such resource")
        length = headers.get(HEADER_LENGTH)
        try:
            message = decode(body, None if length is None else int(length), "inputs")
            if set(message.tensors) != {INPUT}:
                raise ValueError(f"the one input is {INPUT}")
            network.check(message.tensors[INPUT])
            known = {one["name"] for one in network.metadata()["outputs"]}
            wanted = tuple(str(one["name"]) for one in message.header.get("outputs", ()))
            if not known.issuperset(wanted):
                raise ValueError(f"outputs are {', '.join(sorted(known))}")
            given = [message.header, *message.header.get("outputs", ())]
            parameters: dict[str, Any] = {}
            for one in given:
                parameters.update(one.get("parameters", {}))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RefusedError(400, f"the request does not hold: {error}") from error
        binary = bool(parameters.get("binary_data_output") or parameters.get("binary_data"))
        return Inference(network, message.tensors[INPUT], message.header.get("id"), wanted, binary)

    def _network(self, path: str) -> tuple[ServedNetwork, str | None]:
        found = _MODEL.fullmatch(path)
        network = None if found is None else self._networks.get(found["name"])
        if found is None or network is None or found["version"] not in (None, network.version):
            raise RefusedError(404, "there is no such model, or not of that version")
        return network, found["what"]


def result(request: Inference, outputs: Mapping[str, Floats]) -> Answer:
    """Write the response to a request.

    Args:
        request: that was read.
        outputs: that the network gave.
    """
    network = request.network
    header: dict[str, Any] = {
        "model_name": network.name,
        "model_version": network.version,
        "parameters": {"sha256": network.bundle.sha256, "precision": network.precision},
    }
    if request.id is not None:
        header["id"] = request.id
    names = request.outputs or (OUTPUT, *(name for name in outputs if name != OUTPUT))
    chosen = {name: outputs[name] for name in names}
    if not request.binary:
        header["outputs"] = [
            {
                "name": name,
                "shape": list(values.shape),
                "datatype": "FP32",
                "data": values.ravel().tolist(),
            }
            for name, values in chosen.items()
        ]
        return _json(200, header)
    body, length = encode(Message(header, chosen), "outputs")
    return Answer(
        200,
        {"Content-Type": BINARY, HEADER_LENGTH: str(length), "Content-Length": str(len(body))},
        body,
    )


def refused(refusal: RefusedError) -> Answer:
    """Write the response to a request that has no answer."""
    return _json(refusal.status, {"error": str(refusal)})


def _json(status: int, content: Mapping[str, Any]) -> Answer:
    body = json.dumps(content).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return Answer(status, headers, body)
