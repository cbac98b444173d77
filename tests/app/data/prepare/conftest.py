"""A key of the tests' own, so that none is made in the home of whoever runs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def patient_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("key") / "patients.key"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NODULUS_PATIENT_KEY", str(path))
        yield path
