"""`nodulus evaluate scans` runs the chain on scans and compares."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from nodulus.app import chain
from nodulus.app.chain.models import Models
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.commands.root import cli
from nodulus.app.volume import CtVolume
from tests.app.evaluation.scans.test_run_scans import write_nifti
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
