"""The server of networks as a Ray Serve application (https://docs.ray.io/en/latest/serve)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nodulus.app.chain.model_service.tensors import Floats
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.model_server.protocol import (
    MOST_BYTES,
    Answer,
    Inference,
    Protocol,
    RefusedError,
    refused,
    result,
)
from nodulus.app.model_server.served_network import ServedNetwork, load_served

if TYPE_CHECKING:
    from nodulus.app.chain.network.precision import PrecisionSetting

APPLICATION = "nodulus-networks"
_AT_WORK = 16
"""Requests that a replica has at once; others wait at the door."""
_Batched = Callable[[Floats], Awaitable[dict[str, Floats]]]


@dataclass(frozen=True)
class ServerOptions:
    """What is served, and how; can be pickled.

    Args:
        models: folder with the three bundles; None for the shipped ones.
        device: where the networks compute.
        precision: what they compute in.
        replicas: processes that hold all three networks.
        threads: of a replica.
        gpus: that a replica has, or its share of one.
        batch: inputs in one forward pass of a classifier, of however many studies.
        wait_s: for further requests, before a batch is computed.
    """

    models: Path | None = None
    device: str = "auto"
    precision: PrecisionSetting = "auto"
    replicas: int = 1
    threads: int = 1
    gpus: float = 0.0
    batch: int = 64
    wait_s: float = 0.005


class NetworksReplica:
    """One process of the application; made by Ray.

    Args:
        options: of the server.
    """

    def __init__(self, options: ServerOptions) -> None:
        import torch

        torch.set_num_threads(options.threads)
        networks = load_served(options.models, options.device, options.precision)
        self._protocol = Protocol(networks)
        # One after the other: networks side by side would only share the cores.
        self._compute = ThreadPoolExecutor(1)
        self._run = {network.name: self._batched(network, options) for network in networks}

    async def __call__(self, request: Any) -> Any:
        """Answer a request of HTTP (Starlette's)."""
        from starlette.responses import Response

        answer = await self._answer(request)
        return Response(answer.body, answer.status, dict(answer.headers))

    async def _answer(self, request: Any) -> Answer:
        path = request.url.path
        if request.method == "GET":
            return self._protocol.describe(path)
        try:
            inference = self._read(path, request.headers, await _body(request))
        except RefusedError as refusal:
            return refused(refusal)
        outputs = await self._run[inference.network.name](inference.image)
        return result(inference, outputs)

    def _read(self, path: str, headers: Any, body: bytes) -> Inference:
        return self._protocol.inference(path, headers, body)

    def _batched(self, network: ServedNetwork, options: ServerOptions) -> _Batched:
        """What gathers the inputs of several requests, and has them computed at once."""
        from ray import serve

        async def run(images: list[Floats]) -> list[dict[str, Floats]]:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._compute, network.run, images)

        # Patches are computed one by one, so that there is nothing to wait for.
        alone = network.stride is not None
        gather: Any = serve.batch(
            max_batch_size=1 if alone else options.batch,
            batch_wait_timeout_s=0.0 if alone else options.wait_s,
            batch_size_fn=None if alone else lambda images: sum(len(one) for one in images),
        )
        batched: _Batched = gather(run)
        return batched


async def _body(request: Any) -> bytes:
    """The body of a request, no longer than the server takes."""
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > MOST_BYTES:
            raise RefusedError(413, f"a request may have {MOST_BYTES} bytes at the most")
    return bytes(found)


def application(options: ServerOptions) -> Any:
    """Give the application, for `ray.serve.run` or a config of KubeRay's RayService.

    Args:
        options: of the server.

    Raises:
        NodulusError: ``package-missing``.
    """
    deployment = _serve().deployment(
        name="networks",
        num_replicas=options.replicas,
        max_ongoing_requests=_AT_WORK,
        ray_actor_options={"num_cpus": options.threads, "num_gpus": options.gpus},
    )
    return deployment(NetworksReplica).bind(options)


@contextmanager
def serving(options: ServerOptions, host: str, port: int) -> Iterator[None]:
    """Serve; the process is connected with a Ray cluster. Ends the server with the context.

    Args:
        options: of the server.
        host: address that it listens at.
        port: likewise.

    Raises:
        NodulusError: ``package-missing``; ``model-invalid`` where the networks cannot be loaded.
    """
    serve = _serve()
    serve.start(
        proxy_location="HeadOnly",
        http_options={"host": host, "port": port},
        logging_config={"log_level": "WARNING", "enable_access_log": False},
    )
    try:
        _run(serve, options)
        yield
    finally:
        serve.shutdown()


def _run(serve: Any, options: ServerOptions) -> None:
    try:
        serve.run(application(options), name=APPLICATION, route_prefix="/")
    except RuntimeError as error:
        raise NodulusError(
            ErrorCode.MODEL_INVALID,
            "Ray Serve could not start the networks.",
            remedy="See its log, and whether the cluster has the cores and GPUs that were asked"
            " for.",
        ) from error


def _serve() -> Any:
    try:
        from ray import serve
    except ModuleNotFoundError as error:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING,
            f"The server of networks needs the package {error.name}.",
            remedy="Install it with: pip install -c constraints.txt '.[model-server]'",
        ) from error
    return serve
