"""The notebooks, run from the first cell to the last as Jupyter runs them, without Jupyter.

A command (``!nodulus ...``) is called, a cell of Python is executed in the notebook's one name
space. IPython, its kernel and their packages would add nothing to that.
"""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import SimpleITK
from click.testing import CliRunner

from docs.site.notebook import Cell, read_cells
from nodulus.app.commands.root import cli
from tests.app.reading.dicom_factory import uid, write_series
from tests.app.synthetic_chest import NODULES_LPS, RADIUS, make_volume
from tests.docs.shell_blocks import REPOSITORY

NOTEBOOKS = REPOSITORY / "docs" / "notebooks"


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small chest in the form of a phantom, and its result."""
    place = tmp_path_factory.mktemp("notebooks")
    folder, volume = place / "PHANTOM", make_volume()
    origin, series = volume.geometry.affine_lps[:3, 3], uid("series")
    write_series(
        folder / "dicom", volume.hu, spacing_mm=(1.5, 1.5), step_mm=2.0, first_lps_mm=origin
    )
    image = SimpleITK.GetImageFromArray(volume.hu)
    image.SetSpacing((1.5, 1.5, 2.0))
    image.SetOrigin(origin.tolist())
    (folder / "luna16" / "subset0").mkdir(parents=True)
    SimpleITK.WriteImage(image, str(folder / "luna16" / "subset0" / f"{series}.mhd"))
    rows = [[series, *NODULES_LPS[name], 2 * RADIUS[name]] for name in NODULES_LPS]
    place_mm = ["center_x_lps_mm", "center_y_lps_mm", "center_z_lps_mm"]
    for path, head in (
        (folder / "luna16" / "annotations.csv", ["seriesuid", "coordX", "coordY", "coordZ"]),
        (folder / "nodules.csv", ["series_uid", *place_mm]),
    ):
        with path.open("w", newline="") as stream:
            csv.writer(stream).writerows([[*head, "diameter_mm"], *rows])
    (folder / "luna16" / "seriesuids.csv").write_text(f"{series}\n")
    done = CliRunner().invoke(cli, ["detect", str(folder / "dicom"), "-o", str(place / "RESULTS")])
    assert done.exit_code == 0, done.output
    return place


def run(cell: Cell, names: dict[str, Any]) -> None:
    if cell.is_command:
        program, *words = shlex.split(cell.text.replace("\\\n", " "))
        assert program == "nodulus"
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, done.output
    elif cell.language == "python":
        exec(compile(cell.text, "cell", "exec"), names)


def run_all(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, without: str | None = None
) -> dict[str, Any]:
    """Run a notebook in a folder, without the cells of a tag; gives its variables."""
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    with mpl.rc_context({"backend": "agg"}):
        for cell in read_cells(NOTEBOOKS / f"{name}.ipynb"):
            if without not in cell.tags:
                run(cell, names)
    return names


def test_every_notebook_is_run_here_and_has_no_output() -> None:
    paths = list(NOTEBOOKS.glob("*.ipynb"))
    assert {path.stem for path in paths} == {"radiologist", "researcher", "integrator"}
    for path in paths:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_the_radiologist_sees_each_finding_in_its_slice(
    phantom: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = run_all("radiologist", phantom, monkeypatch, without="data")
    findings, panels = names["findings"], names["panels"][0]
    plt.close(names["figure"])
    assert len(panels) == len(findings) > 0
    shift = np.subtract(findings[0]["center_lps_mm"], NODULES_LPS["big"])
    assert np.linalg.norm(shift) < RADIUS["big"] / 2
    for panel, finding in zip(panels, findings, strict=True):
        slice_, row, column = finding["center_index_irc"]
        (shown,) = panel.images
        assert np.array_equal(shown.get_array(), names["volume"].hu[round(slice_)])
        assert np.mean(panel.get_xlim()) == pytest.approx(column)
        assert np.mean(panel.get_ylim()) == pytest.approx(row)
        # Pixels of 1.5 mm: the lines are as long as the axes.
        for line, axis in zip(panel.lines, ("longest", "perpendicular"), strict=True):
            length_mm = 1.5 * np.hypot(*np.ptp(line.get_xydata(), axis=0))
            assert length_mm == pytest.approx(finding[f"{axis}_diameter_mm"], abs=0.1)


def test_the_researcher_gets_a_curve(phantom: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run_all("researcher", phantom, monkeypatch, without="data")
    plt.close("all")
    assert names["froc"]["nodules"] == 2
    assert names["froc"]["true_positives"] >= 1
    assert float(names["rows"][-1]["sensitivity"]) == names["froc"]["true_positives"] / 2
    assert (phantom / "became.json").is_file()


def test_the_integrator_reads_every_object(phantom: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run_all("integrator", phantom, monkeypatch, without="data")
    number = len(names["findings"])
    assert number == len(names["groups"]) == names["segmentation"].number_of_segments > 0
    assert names["measurement"].value > 0


@pytest.mark.slow
def test_they_run_one_after_the_other_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        run_all(path.stem, tmp_path, monkeypatch)
        plt.close("all")
    found = json.loads((tmp_path / "FROC" / "froc.json").read_text())
    assert found["nodules"] == 8
    assert found["true_positives"] >= 6
