"""What made a run, and what it cost: a file that a year later says how its results came about."""

from __future__ import annotations

import json
import platform
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nodulus.app.cohort.memory import machine_mib, usable_cores
from nodulus.app.cohort.run_cohort import STATE_FOLDER, CohortRun
from nodulus.app.errors import NodulusError
from nodulus.app.private_folder import STAGING_PREFIX, private_folder
from nodulus.bundles.common.atomic_files import sha256

if TYPE_CHECKING:
    from nodulus.app.cohort.item_runner import RunnerOptions

PACKAGES = ("nodulus", "torch", "monai", "numpy", "pydicom", "highdicom", "SimpleITK")


def machine() -> dict[str, Any]:
    """Describe this machine; nothing in it names the machine or its user."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": usable_cores(),
        "memory_mib": _memory_mib(),
        "python": platform.python_version(),
    }


def _memory_mib() -> int | None:
    """None where psutil is missing: of an installation without the extra ``cohort``."""
    with suppress(NodulusError):
        return round(machine_mib())
    return None


def versions() -> dict[str, str]:
    """Give the versions of what computes and writes."""
    return {name: metadata.version(name) for name in PACKAGES}


def write_manifest(run: CohortRun, options: RunnerOptions, workers: int) -> Path:
    """Write the manifest of a shard's run, in the place of that of an earlier run.

    Args:
        run: what it came to.
        options: how studies were analysed.
        workers: processes.

    Returns:
        The file.

    Raises:
        OSError: it cannot be written.
    """
    from nodulus.app.cohort.item_runner import chain_settings, weight_checksums

    content = {
        "versions": versions(),
        "weights_sha256": weight_checksums(options.models),
        "settings": chain_settings(options).model_dump(mode="json"),
        "device": options.device,
        "precision": options.precision,
        "results": asdict(options.results),
        "candidates": None if options.candidates is None else options.candidates.fingerprint(),
        "clinical_sha256": sha256(options.clinical) if options.clinical else None,
        "machine": machine(),
        "shard": asdict(run.shard),
        "workers": workers,
        "threads_of_a_worker": options.threads,
        "began": run.began,
        "wall_s": round(run.wall_s, 1),
        "cpu_s": round(run.cpu_s, 1),
        "items_done_before": run.done_before,
        "counts": run.counts,
    }
    folder = options.output / STATE_FOLDER
    path = folder / f"{run.shard.name()}.json"
    with private_folder(folder, STAGING_PREFIX) as own:
        text = json.dumps(content, indent=2) + "\n"
        (own / path.name).write_text(text, encoding="utf-8")
        (own / path.name).replace(path)
    return path


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
