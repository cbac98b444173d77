"""`nodulus evaluate scans` runs the chain on scans and compares."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from click.testing import CliRunner
from pydicom import dcmread

from nodulus.app import chain
from nodulus.app.chain.models import Models
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.commands.root import cli
from nodulus.app.volume import CtVolume
from tests.app.candidates.files import ball, write_seg
from tests.app.evaluation.scans.test_run_scans import write_nifti
from tests.app.other_tools import write_slicer_segmentation
from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import NODULES_LPS, RADIUS


def test_scans_are_run_and_compared(
    volume: CtVolume,
    models: Models,
    chain_settings: ChainSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chain, "load_models", lambda *_: models)
    monkeypatch.setattr(chain, "load_settings", lambda *_, **__: chain_settings)
    write_nifti(tmp_path / "scans" / "chest.nii", volume.hu, volume)
    rows = [
        ",".join(map(str, ("chest", *NODULES_LPS[name], 2 * RADIUS[name])))
        for name in ("big", "small")
    ]
    header = "seriesuid,coordX,coordY,coordZ,diameter_mm"
    (tmp_path / "annotations.csv").write_text("\n".join([header, *rows, "other,0,0,0,9"]) + "\n")
    (tmp_path / "scans.csv").write_text("seriesuid,patient,marked,use\nchest,P1,partly,test\n")
    out = tmp_path / "out"
    done = CliRunner().invoke(
        cli,
        [
            *("evaluate", "scans", str(tmp_path / "scans"), "-o", str(out)),
            *("--lesions", str(tmp_path / "annotations.csv")),
            *("--table", str(tmp_path / "scans.csv")),
        ],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    report = json.loads((out / "report.json").read_text())
    sizes = {row["group"]: row for row in report["sizes"]}
    assert (sizes["all"]["lesions"], sizes["10 to 20 mm"]["found"]) == (2, 1)
    assert report["complete"] is None
    assert report["partly_marked"]["scans"] == 1
    assert "1 partly marked scan:" in done.output
    with (out / "lesions.csv").open() as stream:
        assert [row["series_uid"] for row in csv.DictReader(stream)] == ["chest", "chest"]
    with (out / "scans.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert (row["patient"], row["use"], row["marked"]) == ("P1", "test", "partly")
    assert (out / "chest" / "findings.json").is_file()


@pytest.mark.parametrize("form", ["seg", "slicer", "nrrd"])
def test_masks_of_every_form_are_lesions_by_themselves(
    volume: CtVolume,
    models: Models,
    chain_settings: ChainSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
) -> None:
    monkeypatch.setattr(chain, "load_models", lambda *_: models)
    monkeypatch.setattr(chain, "load_settings", lambda *_, **__: chain_settings)
    first = volume.geometry.affine_lps[:3, 3]
    files = write_series(
        tmp_path / "scans", volume.hu, spacing_mm=(1.5, 1.5), step_mm=2.0, first_lps_mm=first
    )
    series = str(dcmread(files[0]).SeriesInstanceUID)
    mask = ball(volume.geometry, NODULES_LPS["big"], RADIUS["big"])
    folder = tmp_path / "masks" / "of_a_reader"
    folder.mkdir(parents=True)
    if form == "seg":
        write_seg(folder / "s.dcm", files, {"nodule": mask})
    elif form == "slicer":
        write_slicer_segmentation(folder / f"{series}.seg.nrrd", volume.geometry, {"nodule": mask})
    else:
        image = as_image(mask, volume)
        SimpleITK.WriteImage(image, str(folder / f"{series}.nrrd"))
    (tmp_path / "table.csv").write_text(
        "seriesuid,coordX,coordY,coordZ,diameter_mm\n"
        f"{series},{','.join(map(str, NODULES_LPS['big']))},{2 * RADIUS['big']}\n"
    )
    rows = {}
    for name, more in (("masks", []), ("table", ["--lesions", str(tmp_path / "table.csv")])):
        given = ("evaluate", "scans", str(tmp_path / "scans"), "-o", str(tmp_path / "out"))
        masks = ("--masks", str(tmp_path / "masks"))
        done = CliRunner().invoke(cli, [*given, *masks, *more], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        with (tmp_path / "out" / "lesions.csv").open() as stream:
            (rows[name],) = csv.DictReader(stream)
    assert rows["masks"]["dice"] == rows["table"]["dice"]
    assert float(rows["masks"]["dice"]) > 0.7
    assert float(rows["masks"]["diameter_mm"]) == pytest.approx(2 * RADIUS["big"], rel=0.05)


def as_image(mask: np.ndarray, volume: CtVolume) -> SimpleITK.Image:
    """The mask on the grid of the volume."""
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    image.SetOrigin(volume.geometry.affine_lps[:3, 3].tolist())
    image.SetSpacing(list(volume.geometry.spacing_irc_mm)[::-1])
    image.SetDirection(volume.geometry.direction_irc[:, ::-1].ravel().tolist())
    return image


def test_something_must_be_known(tmp_path: Path) -> None:
    given = ["evaluate", "scans", str(tmp_path), "-o", str(tmp_path / "out")]
    assert "--lesions, --masks or both" in CliRunner().invoke(cli, given).output
