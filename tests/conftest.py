"""Fixtures for every room."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Busy machines are slow now and then; no test is of wall time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Test processes side by side, and what they start, share the cores: threads that wait for each
# other's cores cost more than they gain. Libraries read this when they are first imported.
_BESIDE = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0"))
if _BESIDE:
    for name in ("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
        os.environ.setdefault(name, str(max(1, (os.cpu_count() or 1) // _BESIDE)))

REPOSITORY = Path(__file__).resolve().parents[1]


def _shared_data() -> Path:
    named = os.environ.get("NODULUS_SHARED")
    return (Path(named) if named else REPOSITORY.parent / "shared") / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real CT; the test is skipped where there is none."""
    folder = _shared_data()
    if not (folder / "ct").is_dir():
        pytest.skip(f"needs the real CT in {folder} (set NODULUS_SHARED to the folder above data/)")
    return folder


@pytest.fixture(scope="session")
def real_ct(shared_data: Path) -> Path:
    """The folder with one folder a real CT."""
    return shared_data / "ct"


@pytest.fixture(scope="session", autouse=True)
def patient_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A key of the tests' own, so that none is made in the home of whoever runs them."""
    path = tmp_path_factory.mktemp("key") / "patients.key"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NODULUS_PATIENT_KEY", str(path))
        yield path


@pytest.fixture(scope="session")
def bundles() -> Path:
    """The folder of the three bundles."""
    return REPOSITORY / "bundles"


@pytest.fixture(scope="session")
def fake_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with four studies; tests may not change it (the cache in it may grow)."""
    from tests.bundles.fake_data import write_fake_data

    return write_fake_data(tmp_path_factory.mktemp("data") / "fake", 4)
