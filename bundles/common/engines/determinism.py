"""Randomness that follows from the seed and the epoch alone."""

from __future__ import annotations

import numpy as np
import torch
from ignite.engine import Engine, Events
from ignite.utils import manual_seed
from monai.utils import set_determinism

from nodulus.bundles.common.engines.command_line import check_arguments
from nodulus.bundles.common.engines.distributed import join, rank


def begin(seed: int, threads: int | None = None) -> None:
    """Seed everything and set this process up: its place among others, and its CPU.

    A key of the command line that no config has ends the process here, before any work.

    Args:
        seed: of Python, NumPy and PyTorch; the same in every process.
        threads: for computing; PyTorch's own choice where None.
    """
    check_arguments()
    join()
    set_determinism(seed=seed)
    torch.set_flush_denormal(True)  # denormal gradients cost a CPU tens of times a normal one
    if threads:
        torch.set_num_threads(threads)


class SeedEpochs:
    """Seed Python, NumPy and PyTorch of this process when an epoch starts.

    An epoch then draws the same whether those before it ran in this process or in one that was
    stopped. Patches have seeds of their own, see :mod:`nodulus.bundles.common.data.draws`.

    Args:
        seed: of the run.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def attach(self, engine: Engine) -> None:
        """Act on the engine's epochs."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Seed."""
        words = np.random.SeedSequence([self.seed, engine.state.epoch, rank()])
        manual_seed(int(words.generate_state(1)[0]))
