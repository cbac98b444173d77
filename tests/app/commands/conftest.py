"""Small LUNA16 folders."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nodulus.app.data.phantom.dataset import DatasetPlan, PhantomFormat, write_dataset
from nodulus.app.data.phantom.recipe import PhantomRecipe


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LUNA16's layout alone, three scans in as many subsets; tests may not change it."""
    root = tmp_path_factory.mktemp("phantom")
    plan = DatasetPlan(root, 5, PhantomRecipe.small(), format=PhantomFormat.LUNA16)
    for _ in write_dataset(plan, 3):
        pass
    return root / "luna16"


@pytest.fixture
def luna(phantom: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(phantom, tmp_path / "luna"))
