"""What the node must remember when it is started again."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nodulus.app.errors import ErrorCode, NodulusError

STATE_FILE, LOCK_FILE = "node.json", "node.lock"
MAX_ATTEMPTS = 8
_FIRST_DELAY_S, _LONGEST_DELAY_S = 60.0, 3600.0


class Waiting(BaseModel):
    """A study that is to be looked at."""

    attempts: int = Field(default=0, ge=0, description="That failed")
    due: float = Field(default=0.0, description="Not before; seconds since 1970")


class NodeState(BaseModel):
    """The last change that is known, and the studies that are still to be done.

    Which studies are done is written into Orthanc, beside each.
    """

    model_config = ConfigDict(extra="forbid")

    last_change: int = Field(default=0, ge=0)
    waiting: dict[str, Waiting] = Field(
        default_factory=dict, description="By Orthanc's identifier, in the order of arrival"
    )

    @classmethod
    def load(cls, folder: Path) -> NodeState:
        """Read the state; a new one where there is none.

        Raises:
            NodulusError: ``settings-invalid``.
        """
        path = folder / STATE_FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except (OSError, ValidationError) as error:
            raise NodulusError(
                ErrorCode.SETTINGS_INVALID,
                "What the node remembers cannot be read.",
                remedy="Remove the file: the node then looks at every study of Orthanc once,"
                " and passes over those that it has done.",
                subject=path,
            ) from error

    def save(self, folder: Path) -> None:
        """Write the state, beside and renamed."""
        part = folder / f".{STATE_FILE}.part"
        part.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        os.replace(part, folder / STATE_FILE)  # noqa: PTH105

    def next_due(self, now: float) -> str | None:
        """The study that is to be looked at next, None while all have to wait."""
        return next((study for study, waits in self.waiting.items() if waits.due <= now), None)

    def postpone(self, study: str, now: float) -> bool:
        """Count a failure and wait, twice as long each time.

        Returns:
            False when it was the last attempt.
        """
        attempts = self.waiting[study].attempts + 1
        delay = min(_FIRST_DELAY_S * 2 ** (attempts - 1), _LONGEST_DELAY_S)
        self.waiting[study] = Waiting(attempts=attempts, due=now + delay)
        return attempts < MAX_ATTEMPTS


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other users and a second node out of the folder; made where it is missing.

    Raises:
        NodulusError: ``output-not-writable``.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Results in it have patients' names in their headers.
        folder.chmod(0o700)
        lock = (folder / LOCK_FILE).open("w")
    except OSError as error:
        raise NodulusError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"The node cannot keep its state here ({error.strerror}).",
            remedy="Name another folder with --state, or make this one writable.",
            subject=folder,
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise NodulusError(
                ErrorCode.OUTPUT_NOT_WRITABLE,
                "Another node uses this folder.",
                remedy="Stop it, or name another folder with --state.",
                subject=folder,
            ) from error
        yield
