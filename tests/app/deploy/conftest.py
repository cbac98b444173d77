"""A small input, and programs run as a runtime runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from nodulus.app.volume import CtVolume
from tests.app.reading.dicom_factory import write_series

REPOSITORY = Path(__file__).resolve().parents[3]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def chest(tmp_path_factory: pytest.TempPathFactory, volume: CtVolume) -> Path:
    """A chest, and an MR study that cannot be analysed."""
    root = tmp_path_factory.mktemp("dicom")
    place = {
        "spacing_mm": (1.5, 1.5),
        "step_mm": 2.0,
        "first_lps_mm": volume.geometry.affine_lps[:3, 3],
    }
    write_series(root / "chest", volume.hu, study="chest", series="1", **place)

    def as_mr(dataset, index: int) -> None:
        dataset.Modality = "MR"

    write_series(root / "mr", volume.hu[:12], study="mr", series="1", edit=as_mr, **place)
    return root


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a module of Nodulus in a process of its own."""

    def call(
        *arguments: object,
        environment: Mapping[str, object] | None = None,
        before: tuple[str, ...] = (),
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HOLOSCAN", "MERCURE"))}
        kept |= {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        kept |= {k: str(v) for k, v in (environment or {}).items()}
        return subprocess.run(
            [*before, sys.executable, "-m", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env=kept,
            cwd=cwd or REPOSITORY,
        )

    return call
