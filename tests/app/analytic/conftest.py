"""Each geometry is taken through the chain once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .scans import PARTS, SCANS
from .studies import Study, run


@pytest.fixture(scope="session")
def study_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Study]:
    made: dict[str, Study] = {}

    def get(name: str) -> Study:
        if name not in made:
            made[name] = run({**SCANS, **PARTS}[name], tmp_path_factory.mktemp("analytic"))
        return made[name]

    return get


QUICK = (
    "feet first, from the head",
    "prone, slices reversed",
    "oblique slices",
    "tilted gantry",
    "multi-frame",
)


def _every(names: Any) -> list[Any]:
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.fixture(params=_every(SCANS))
def study(request: pytest.FixtureRequest, study_of: Callable[[str], Study]) -> Study:
    """In every geometry."""
    return study_of(request.param)
