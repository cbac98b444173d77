"""The module's settings in mercure's task.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.results.options import OutputOptions, SegType

TASK_FILE = "task.json"
Notify = Literal["never", "findings", "suspicious"]


class MercureSettings(BaseModel):
    """What a rule or the module's page in mercure may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seg: bool = True
    sr: bool = True
    report: bool = True
    seg_all_frames: bool = False
    seg_type: SegType = "binary"
    key_images: bool = False
    pdf: bool = False
    device: str = "auto"
    notify: Notify = "suspicious"
    """When a notification is asked for; always where something could not be analysed."""

    def output_options(self) -> OutputOptions:
        """Give the files that are wanted."""
        return OutputOptions(
            seg=self.seg,
            sr=self.sr,
            report=self.report,
            seg_all_frames=self.seg_all_frames,
            seg_type=self.seg_type,
            key_images=self.key_images,
            pdf=self.pdf,
        )


def read_task_settings(folder: Path) -> MercureSettings:
    """Read ``process.settings`` of ``task.json``; without the file or the key, the defaults.

    Args:
        folder: MERCURE_IN_DIR.

    Raises:
        NodulusError: ``settings-invalid``; names the key.
    """
    path = folder / TASK_FILE
    if not path.is_file():
        return MercureSettings()
    try:
        process = json.loads(path.read_text(encoding="utf-8")).get("process") or {}
        if isinstance(process, list):
            # Mercure gives each module a task of its own; a list of several is not for us.
            if len(process) != 1:
                raise ValueError(f"process has {len(process)} entries, and one is this module's")
            (process,) = process
        return MercureSettings.model_validate(process.get("settings") or {})
    except (AttributeError, ValueError, ValidationError) as error:
        raise NodulusError(
            ErrorCode.SETTINGS_INVALID,
            f"the module's settings do not hold: {error}",
            remedy="Correct process.settings on the module's or the rule's page in mercure.",
            subject=path,
        ) from error
