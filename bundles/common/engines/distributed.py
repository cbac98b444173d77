"""One process or many: the same config, started by ``torchrun``."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from monai.data import Dataset, DistributedSampler

P = ParamSpec("P")
R = TypeVar("R")

PATIENCE = timedelta(hours=12)
"""How long processes wait for one another: rank 0 may have a thousand scans to prepare first."""


def rank() -> int:
    """This process's number, 0 for the one that writes."""
    return int(idist.get_rank())


def world_size() -> int:
    """How many processes train together."""
    return int(idist.get_world_size())


def local_device() -> torch.device:
    """The GPU of this process, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def join() -> None:
    """Join the other processes that ``torchrun`` started, if it did; only rank 0 says much."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and world_size() == 1:
        cuda = torch.cuda.is_available()
        if cuda:
            torch.cuda.set_device(local_device())
        idist.initialize("nccl" if cuda else "gloo", timeout=PATIENCE)
    if rank() > 0:
        logging.getLogger().setLevel(logging.WARNING)


def leave() -> None:
    """Part from the other processes."""
    if world_size() > 1:
        idist.finalize()


def rank0_first(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call in every process, but in the first one of each machine before the others.

    For what leaves something on the disk that the others then find, such as the prepared scans.
    """
    with idist.one_rank_first(local=True):
        return call(*args, **kwargs)


def on_rank0(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
    """Call in rank 0 alone, while the others wait; None in those."""
    result = call(*args, **kwargs) if rank() == 0 else None
    idist.barrier()
    return result


def parallel(network: torch.nn.Module) -> torch.nn.Module:
    """The network as the trainer calls it: among several processes, its gradients are averaged."""
    if world_size() == 1:
        return network
    wrapped: torch.nn.Module = idist.auto_model(network)
    return wrapped


def shard(dataset: Dataset) -> DistributedSampler | None:
    """The sampler of this process's part of a data set, in order; None for all of it.

    Raises:
        ValueError: there are fewer items than processes.
    """
    if world_size() == 1:
        return None
    if len(dataset) < world_size():
        raise ValueError(f"{len(dataset)} items to validate on are too few for {world_size()} "
                         "processes")  # fmt: skip
    return DistributedSampler(
        dataset, even_divisible=False, num_replicas=world_size(), rank=rank(), shuffle=False
    )


class SharedBuffers:
    """Give every process rank 0's running statistics when an epoch ends.

    Gradients are averaged, buffers are not: each process's batch norm has seen its own patches.
    Without this, processes would validate different networks, none of them the one that is saved.

    Args:
        networks: whose buffers; None among them is left out.
    """

    def __init__(self, networks: Sequence[torch.nn.Module | None]) -> None:
        self.networks = [network for network in networks if network is not None]

    def attach(self, engine: Engine) -> None:
        """Act on the engine's epochs."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Send and receive."""
        if world_size() == 1:
            return
        for network in self.networks:
            for buffer in network.buffers():
                torch.distributed.broadcast(buffer, 0)


def summed(values: Sequence[float]) -> list[Any]:
    """The sums of numbers over all processes."""
    if world_size() == 1:
        return list(values)
    return [idist.all_reduce(value) for value in values]
