"""The module's settings in mercure's task.json."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.guidelines.clinical import ClinicalFile
from nodulus.app.marks import OWN_CANDIDATES, OtherCandidates
from nodulus.app.result import PointName
from nodulus.app.results.options import OutputOptions

TASK_FILE = "task.json"
Notify = Literal["never", "findings", "suspicious"]


@pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MercureSettings(OutputOptions):
    """What a rule or the module's page in mercure may set: `OutputOptions`, and what follows.

    Args:
        device: cpu, cuda, cuda:N or auto.
        operating_point: of the nodule probability; None for the settings' own.
        notify: when a notification is asked for; always where something could not be analysed.
        clinical: what is known of the patients beside the headers: the path of a file as
            `ClinicalFile` takes it, or what such a JSON file holds.
        candidates: of other tools: one ``[NAME=]FILE[#LABEL]`` as `CandidateOptions` takes it, or
            several. Each file must say of which scan it is, for a rule gets many.
        candidates_only: what none of these marks is no candidate.
        candidates_of_study: the SEG, RTSTRUCT and SR among the task's files are candidates too.
    """

    device: str = "auto"
    operating_point: PointName | None = None
    notify: Notify = "suspicious"
    clinical: str | dict[str, Any] | None = None
    candidates: str | tuple[str, ...] = ()
    candidates_only: bool = False
    candidates_of_study: bool = False

    def output_options(self) -> OutputOptions:
        """Give the files that are wanted."""
        return OutputOptions(**{f.name: getattr(self, f.name) for f in fields(OutputOptions)})


def clinical_of(settings: MercureSettings, folder: Path) -> ClinicalFile | None:
    """Give what is known of the patients beside the headers; None where nothing is said.

    Args:
        settings: of the task.
        folder: MERCURE_IN_DIR, whose ``task.json`` they are of.

    Raises:
        NodulusError: as `ClinicalFile`.
    """
    if isinstance(settings.clinical, str):
        return ClinicalFile(Path(settings.clinical))
    return ClinicalFile(folder / TASK_FILE, settings.clinical) if settings.clinical else None


def candidates_of(settings: MercureSettings, folder: Path) -> OtherCandidates:
    """Open the candidates of other tools.

    Args:
        settings: of the task.
        folder: MERCURE_IN_DIR, whose ``task.json`` they are of.

    Raises:
        NodulusError: ``settings-invalid``: there are to be only candidates that nothing gives; or
            as `CandidateOptions.for_many`.
    """
    given = settings.candidates
    files = (given,) if isinstance(given, str) else given
    files = tuple(file for file in files if file)
    if not files and not settings.candidates_of_study:
        if settings.candidates_only:
            raise _not_holding(
                folder / TASK_FILE,
                "candidates_only needs candidates or candidates_of_study",
            )
        return OWN_CANDIDATES
    from nodulus.app.candidates.candidate_options import CandidateOptions

    return CandidateOptions(
        files,
        settings.candidates_only,
        settings.candidates_of_study,
        settings.deidentify,
        settings.device,
    ).for_many()


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
        return TypeAdapter(MercureSettings).validate_python(process.get("settings") or {})
    except (AttributeError, TypeError, ValueError) as error:
        raise _not_holding(path, _reason(error)) from error


def _not_holding(path: Path, reason: str) -> NodulusError:
    return NodulusError(
        ErrorCode.SETTINGS_INVALID,
        f"the module's settings do not hold: {reason}.",
        remedy="Correct process.settings on the module's or the rule's page in mercure.",
        subject=path,
    )


def _reason(error: Exception) -> str:
    """What is wrong in plain words: each setting that does not hold, and why."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}" for one in error.errors()
    )
