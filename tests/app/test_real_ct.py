"""The shipped weights on real CT."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from nodulus.app.chain import analyse, load_models, load_settings
from nodulus.app.reading import find_studies
from nodulus.app.result import StudyResult
from nodulus.app.results.options import OutputOptions
from nodulus.app.study import run_study
from nodulus.transforms.lungs import find_lungs
from tests.app.same_findings import assert_same_findings

pytestmark = pytest.mark.real_data

TUMOUR_LPS_MM = (-83.0, -192.0, -195.0)


@pytest.fixture(scope="module")
def result(real_ct: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyResult, Path]:
    (study,) = find_studies(real_ct / "C3N-00247").studies
    folder = tmp_path_factory.mktemp("out") / study.key
    written = run_study(study, folder, load_models(), load_settings(), OutputOptions())
    return written.result, written.folder


def test_the_tumour_is_the_first_finding(result: tuple[StudyResult, Path]) -> None:
    findings = result[0].findings
    assert np.linalg.norm(np.subtract(findings[0].center_lps_mm, TUMOUR_LPS_MM)) < 15
    assert findings[0].laterality == "right"
    assert findings[0].suspicious


@pytest.mark.slow
@pytest.mark.parametrize("name", ["C3N-00247", "RICORD-1A-001012"])
def test_bfloat16_finds_what_float32_finds(real_ct: Path, name: str) -> None:
    volume = find_studies(real_ct / name).studies[0].load()
    plain, quick = (
        analyse(volume, load_models(device="cpu", precision=p), load_settings()).findings
        for p in ("float32", "bfloat16")
    )
    assert_same_findings(plain, quick)


def test_every_finding_lies_in_or_at_the_lungs(
    result: tuple[StudyResult, Path], real_ct: Path
) -> None:
    volume = find_studies(real_ct / "C3N-00247").studies[0].load()
    lungs = find_lungs(volume.hu, volume.geometry)
    assert lungs is not None
    centers = np.array([f.center_lps_mm for f in result[0].findings])
    assert lungs.at(centers).all()


def test_dicom_results_are_valid(result: tuple[StudyResult, Path]) -> None:
    validator = shutil.which("dciodvfy")
    if validator is None:
        pytest.skip("needs dciodvfy (Debian's dicom3tools)")
    for name in ("nodules_seg.dcm", "nodules_sr.dcm"):
        run = subprocess.run(
            [validator, result[1] / name], capture_output=True, text=True, check=False
        )
        errors = [line for line in run.stderr.splitlines() if line.startswith("Error")]
        assert errors == [], name
