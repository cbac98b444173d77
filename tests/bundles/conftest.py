"""Small data folders and configs for the bundles' tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from nodulus.bundles import config_files
from tests.bundles.fake_data import write_fake_data

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """Training flushes denormal numbers, for the whole process: undo it after each test."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def other_data(tmp_path: Path) -> Path:
    """A data folder of a test's own, two studies of other patients."""
    folder: Path = write_fake_data(tmp_path / "other", 2, seed=1, prefix="1.2.4")
    return folder


@pytest.fixture(scope="session")
def run_bundle(bundles: Path) -> Callable[..., None]:
    """Run a bundle's config as the command line does: name, config and overrides."""
    from monai.bundle import run

    def call(name: str, config: str, **override: Any) -> None:
        configs = bundles / name / "configs"
        run(
            config_file=config_files(name, config),
            meta_file=str(configs / "metadata.json"),
            logging_file=False,
            device="cpu",
            **override,
        )

    return call


@pytest.fixture(scope="session")
def train(run_bundle: Callable[..., None]) -> Callable[..., Path]:
    """Train two small steps; returns the published weights."""

    def call(name: str, data: Path, output: Path, config: str = "train", **override: Any) -> Path:
        options: dict[str, Any] = {
            "data_dirs": [str(data)],
            "output_dir": str(output),
            "runs_dir": "$None",  # all tests' folders lie in one; see test_leaks.py
            "weights_path": str(output / "published" / "model.pt"),
            "steps": 2,
            "validate_every": 2,
            "batch_size": 2,
            "workers": 0,
        }
        run_bundle(name, config, **{**options, **override})
        return output / "published" / "model.pt"

    return call


@pytest.fixture(scope="session")
def nodule_weights(
    train: Callable[..., Path], fake_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Weights of the nodule bundle after two steps."""
    return train("nodule", fake_data, tmp_path_factory.mktemp("nodule"), crop_size=32)


@pytest.fixture
def leaking(fake_data: Path, other_data: Path) -> dict[str, Any]:
    """Overrides that put one patient on both sides."""
    table = other_data / "studies.csv"
    table.write_text(table.read_text().replace("P1-0", "P0-0"))
    return {"data_dirs": [str(fake_data)], "validation_dirs": [str(other_data)]}


@pytest.fixture
def images(fake_data: Path, tmp_path: Path) -> Path:
    """A folder with one CT and nothing known about it."""
    folder = tmp_path / "images"
    folder.mkdir()
    for path in (fake_data / "luna16" / "subset0").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder
