"""What a run leaves on the disk, and how one that was stopped goes on."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint, EarlyStopping
from ignite.handlers.checkpoint import BaseSaveHandler
from monai.handlers import CheckpointLoader

from nodulus.bundles.common.atomic_files import atomic_write, remove_stale_parts
from nodulus.bundles.common.engines.batches import key_metric
from nodulus.bundles.common.engines.distributed import rank, world_size

logger = logging.getLogger(__name__)

_NAME = re.compile(r"checkpoint_(\d+)\.pt")


class WholeFiles(BaseSaveHandler):
    """Where Ignite's ``Checkpoint`` writes: beside and renamed, by rank 0 alone.

    A file that is to go goes after its successor is whole, so that there always is one.

    Args:
        folder: made where it does not exist.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.outdated: set[str] = set()

    def __call__(self, checkpoint: Mapping[str, Any], filename: str, metadata: Any = None) -> None:
        """Write, then remove what is outdated."""
        if rank() == 0:
            with atomic_write(self.folder / filename) as part, part.open("wb") as file:
                torch.save(checkpoint, file)
            for name in self.outdated - {filename}:
                (self.folder / name).unlink(missing_ok=True)
        self.outdated.clear()

    def remove(self, filename: str) -> None:
        """Remove a file once the next one is written."""
        self.outdated.add(filename)


def best_checkpoint(network: torch.nn.Module, folder: Path | str) -> Checkpoint:
    """A handler that keeps the weights of an evaluator's best epoch as ``best.pt``."""
    return Checkpoint(
        {"network": network},
        WholeFiles(folder),
        score_function=key_metric,
        score_name="key_metric",
        n_saved=1,
        filename_pattern="best.pt",
    )


def final_checkpoint(network: torch.nn.Module, folder: Path | str) -> Checkpoint:
    """A handler that writes the weights of a finished run as ``final.pt``."""
    return Checkpoint(
        {"network": network}, WholeFiles(folder), n_saved=1, filename_pattern="final.pt"
    )


def latest(folder: Path | str) -> Path | None:
    """The checkpoint of the last epoch that a run in this folder completed; None for none."""
    kept = _kept(folder)
    return Path(folder) / kept[-1][1] if kept else None


def _kept(folder: Path | str) -> list[tuple[int, str]]:
    """Iteration and file name of each checkpoint, the earliest first."""
    names = (path.name for path in Path(folder).glob("checkpoint_*.pt"))
    return sorted((int(match[1]), name) for name in names if (match := _NAME.fullmatch(name)))


class _Settings:
    """What must not change between the parts of a run."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = dict(values)

    def state_dict(self) -> dict[str, Any]:
        return self.values

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        names = sorted({*state, *self.values})
        other = [n for n in names if state.get(n) != self.values.get(n)]
        if other:
            words = ", ".join(f"{n} {state.get(n)} (now {self.values.get(n)})" for n in other)
            raise ValueError(f"the run to resume had {words}; give the same, or resume false")


class _Scaler:
    """The gradient scaler, which MONAI's trainer makes only when it runs."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer

    def state_dict(self) -> dict[str, Any]:
        return {} if self.trainer.scaler is None else dict(self.trainer.scaler.state_dict())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if self.trainer.scaler is not None and state:
            self.trainer.scaler.load_state_dict(dict(state))


class _Best:
    """The evaluator's best epoch, as plain numbers."""

    def __init__(self, evaluator: Engine) -> None:
        self.state: Any = evaluator.state  # MONAI adds the best metric

    def state_dict(self) -> dict[str, Any]:
        return {"metric": float(self.state.best_metric), "epoch": int(self.state.best_metric_epoch)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.state.best_metric, self.state.best_metric_epoch = state["metric"], state["epoch"]


def attach_checkpoints(
    trainer: Engine,
    evaluator: Engine,
    state: Mapping[str, Any],
    settings: Mapping[str, Any],
    folder: Path | str,
    *,
    resume: bool = False,
    keep: int = 2,
    patience: int = 0,
    device: torch.device | str = "cpu",
) -> None:
    """Attach what needs both engines: a checkpoint after each epoch, resuming, early stopping.

    All that is random follows from the seed and the epoch, so that these checkpoints hold all
    that an exact continuation needs.

    Args:
        trainer: of the run; validation happens when its epochs end.
        evaluator: whose key metric is watched.
        state: objects with ``state_dict`` and ``load_state_dict``: network, optimizer, ...; None
            among them is left out.
        settings: plain values that must be the same in all parts of the run.
        folder: of ``checkpoint_<iteration>.pt``.
        resume: go on from the latest checkpoint there, if there is one.
        keep: so many checkpoints stay.
        patience: stop after so many epochs without a better key metric; 0 for never.
        device: that checkpoints are loaded to.

    Raises:
        ValueError: when the run starts, if the settings are not those of the checkpoint.
    """
    objects: dict[str, Any] = {
        # first, so that a run with other settings is refused before anything is loaded
        "settings": _Settings({**settings, "processes": world_size()}),
        **{name: value for name, value in state.items() if value is not None},
        "scaler": _Scaler(trainer),
        "best": _Best(evaluator),
        "trainer": trainer,
    }
    if patience:
        stopping = EarlyStopping(patience, key_metric, trainer)
        evaluator.add_event_handler(Events.COMPLETED, stopping)
        objects["early_stopping"] = stopping
    saver = WholeFiles(folder)
    checkpoint = Checkpoint(
        objects, saver, n_saved=keep, filename_pattern="checkpoint_{global_step}.pt"
    )
    found = latest(folder)
    if rank() == 0:
        remove_stale_parts(Path(folder))
    idist.barrier()
    if resume and found is not None:
        # MONAI gives torch.load whatever it is told here.
        place: Any = device
        CheckpointLoader(str(found), objects, map_location=place).attach(trainer)
        checkpoint.load_state_dict({"_saved": _kept(folder)})
        logger.info("resuming from %s", found)
    elif found is not None:
        logger.warning("%s: of an earlier run, which this one replaces", found)
        for _, name in _kept(folder):
            saver.remove(name)
    # after what the trainer's own list of handlers does then, validation above all
    trainer.add_event_handler(Events.EPOCH_COMPLETED, checkpoint)
    if patience:
        trainer.add_event_handler(Events.STARTED, _stop_if_done, stopping)


def _stop_if_done(trainer: Engine, stopping: EarlyStopping) -> None:
    """A run that had stopped early and is resumed has nothing left to do."""
    if stopping.counter >= stopping.patience:
        trainer.terminate()
