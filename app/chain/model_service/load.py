"""The three bundles with their networks on a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nodulus.app.chain.model_service.client import ModelServiceClient
from nodulus.app.chain.model_service.identity import network_version
from nodulus.app.chain.model_service.remote_network import RemoteNetwork
from nodulus.app.chain.network.loading import load_bundle
from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    from nodulus.app.chain.network.loading import LoadedBundle


def load_remote_bundle(folder: Path, client: ModelServiceClient) -> LoadedBundle:
    """Read a bundle, and take its network from a server that has the same weights and config.

    Args:
        folder: the bundle's root.
        client: of the server.

    Raises:
        FileNotFoundError: as :func:`~nodulus.app.chain.network.loading.load_bundle`.
        ValueError: likewise.
        NodulusError: ``model-service-not-reachable``; ``model-invalid`` where the server has not
            this network.
    """
    bundle = load_bundle(folder)
    version = network_version(folder)
    told = client.metadata(bundle.name, version)
    facts = {} if told is None else dict(told.get("parameters") or {})
    if told is None or facts.get("sha256", bundle.sha256) != bundle.sha256:
        raise NodulusError(
            ErrorCode.MODEL_INVALID,
            f"The model service does not have the network {bundle.name!r} of these weights"
            f" ({bundle.sha256[:12]}) and this inference.json: it has no version {version}.",
            remedy="Start it with the same --models as this command, and the same version of"
            " Nodulus.",
            subject=client.url,
        )
    return replace(bundle, network=RemoteNetwork(client, bundle.name, version, facts).eval())
