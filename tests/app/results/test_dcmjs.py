"""SEG and SR as dcmjs reads them, the library by which OHIF does."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from nodulus.app.results.file_plan import SEG_FILE, SR_FILE

from .dicom_objects import masks, write
from .synthetic import result_for, two_labels, write_series

DCMJS = "dcmjs@0.52.2"


@pytest.fixture
def dcmjs(tmp_path: Path) -> Path:
    """Its package; skips where there is no node, or npm does not give it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs node and npm for dcmjs")
    command = ["npm", "install", "--silent", "--no-audit", "--prefix", str(tmp_path / "js"), DCMJS]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("npm's registry does not answer")
    return tmp_path / "js" / "node_modules" / "dcmjs"


def test_dcmjs_reads_masks_and_measurements(dcmjs: Path, tmp_path: Path) -> None:
    volume = write_series(tmp_path / "ct")
    folder = write(tmp_path / "out", volume, two_labels())
    script = Path(__file__).with_name("read_by_dcmjs.cjs")
    command = ["node", str(script), str(dcmjs), str(folder / SEG_FILE), str(folder / SR_FILE)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    findings = result_for(volume, two_labels()).findings
    assert told["segments"] == [[f.id, f"Nodule {f.id}", f.tracking_uid] for f in findings]
    frames = [[n, int(np.sum(mask))] for n, _, _, mask in masks(dcmread(folder / SEG_FILE))]
    assert told["frames"] == frames
    for finding, group in zip(findings, told["groups"], strict=True):
        assert group["uid"] == finding.tracking_uid
        assert group["Volume"] == pytest.approx(finding.volume_mm3, abs=1e-3)
        assert group["Long axis"] == pytest.approx(finding.longest_diameter_mm, abs=1e-3)
