"""A network that computes on a server, in the place of one of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from nodulus.app.chain.network.patch_network import PatchNetwork, SingleLook

if TYPE_CHECKING:
    from nodulus.app.chain.model_service.client import ModelServiceClient
    from nodulus.app.chain.network.precision import Precision

INPUT, OUTPUT, RATINGS = "image", "pred", "ratings"
"""Names of the tensors: the networks' input, its logits, and every output of one that rates."""


class RemoteNetwork(nn.Module):
    """Sends inputs to a server; takes and gives float32 on the CPU.

    Args:
        client: of the server.
        name: of the bundle.
        version: of the network, see `network_version`.
        facts: the server's ``parameters`` of the network: ``precision``; ``stride``, where it takes
            patches of any size that are a multiple of it; ``reach``, where also large ones.

    Attributes:
        precision: what the server computes in.
        patches: as of :class:`~nodulus.app.chain.network.precision.Accelerated`.
    """

    def __init__(
        self, client: ModelServiceClient, name: str, version: str, facts: dict[str, Any]
    ) -> None:
        super().__init__()
        self._client, self._name, self._served = client, name, version
        self.precision: Precision = (
            "bfloat16" if facts.get("precision") == "bfloat16" else "float32"
        )
        self.patches: PatchNetwork | None = None
        if facts.get("stride") is not None:
            reach = facts.get("reach")
            self.patches = RemotePatches(
                self, int(facts["stride"]), None if reach is None else int(reach)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch, in the network's own shapes.

        Raises:
            NodulusError: as :meth:`ModelServiceClient.infer`.
        """
        return self._output(x, OUTPUT)

    def every_output(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of all that a network that rates has learnt."""
        return self._output(x, RATINGS)

    def _output(self, x: torch.Tensor, name: str) -> torch.Tensor:
        inputs = {INPUT: x.detach().float().cpu().numpy()}
        message = self._client.infer(self._name, self._served, inputs)
        found = message.tensors.get(name)
        if found is None or found.shape[:1] != tuple(x.shape[:1]):
            raise self._client.unexpected(self._name, name)
        told = message.header.get("parameters", {}).get("precision", self.precision)
        if told != self.precision:
            raise self._client.unexpected(self._name, "precision")
        return torch.from_numpy(found.copy())


class RemotePatches(SingleLook):
    """A whole patch is sent, and its answer kept for its parts.

    Args:
        network: on the server.
        stride: see `PatchNetwork`.
        reach: given where the server bounds its own memory, so that patches may be as large as
            those of a network in stages; they then see as much as in this process.
    """

    def __init__(self, network: nn.Module, stride: int, reach: int | None) -> None:
        super().__init__(network, stride)
        self.reach = reach
