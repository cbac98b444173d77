"""Studies one after another: a bad one does not end the run."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.output import OutputFolder
from nodulus.app.reading import find_studies
from nodulus.app.results import writers
from nodulus.app.results.options import OutputOptions
from nodulus.app.run import StudyOutcome, run_all
from nodulus.app.volume import CtVolume
from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import NODULES_LPS

QUICK = OutputOptions(seg=True, sr=True, report=False)


@pytest.fixture(scope="module")
def dicom(tmp_path_factory: pytest.TempPathFactory, volume: CtVolume) -> Path:
    """Two chests, a head, an MR and a text file, all in one folder."""
    root = tmp_path_factory.mktemp("dicom")
    place = {
        "spacing_mm": (1.5, 1.5),
        "step_mm": 2.0,
        "first_lps_mm": volume.geometry.affine_lps[:3, 3],
    }
    write_series(root / "a", volume.hu, study="a", series="1", **place)
    write_series(root / "b", volume.hu, study="b", series="1", **place)
    write_series(root / "head", np.maximum(volume.hu, -50), study="head", series="1", **place)

    def as_mr(dataset, index: int) -> None:
        dataset.Modality = "MR"

    write_series(root / "mr", volume.hu[:12], study="mr", series="1", edit=as_mr, **place)
    (root / "readme.txt").write_text("not an image")
    return root


def files(folder: Path) -> dict[Path, bytes]:
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def run(
    source: Path, out: Path, models: Models, settings: ChainSettings
) -> tuple[StudyOutcome, ...]:
    return run_all(find_studies(source), OutputFolder(out), models, settings, QUICK)


@pytest.mark.slow
def test_good_studies_get_results_and_bad_ones_an_error(
    dicom: Path, tmp_path: Path, models: Models, chain_settings: ChainSettings
) -> None:
    outcomes = run(dicom, tmp_path, models, chain_settings)
    done = [o for o in outcomes if o.result is not None]
    failed = {o.error.code for o in outcomes if o.error is not None}
    assert len(done) == 2
    assert ErrorCode.WRONG_MODALITY in failed
    assert failed & {ErrorCode.NO_LUNGS, ErrorCode.NOT_HOUNSFIELD}
    for outcome in done:
        folder = tmp_path / outcome.study.key
        written = json.loads((folder / "findings.json").read_text())
        first = written["findings"][0]
        assert first["center_lps_mm"] == pytest.approx(NODULES_LPS["big"], abs=1.5)
        assert {p.name for p in folder.iterdir()} == {
            "findings.json",
            "nodules_seg.dcm",
            "nodules_sr.dcm",
        }
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert sum(s["error"] is None for s in summary["studies"]) == 2
    assert "Never" not in (tmp_path / "summary.json").read_text()

    # A second run with one study replaces that one, and touches nothing else.
    (tmp_path / "mine.txt").write_text("kept")
    before = files(tmp_path)
    (again,) = run(dicom / "a", tmp_path, models, chain_settings)
    after = files(tmp_path)
    assert set(after) == set(before)
    changed = {path.parts[0] for path, content in after.items() if content != before[path]}
    assert changed - {"summary.json"} == {again.study.key}
    merged = json.loads((tmp_path / "summary.json").read_text())
    assert [s["key"] for s in merged["studies"]] == [s["key"] for s in summary["studies"]]


def test_a_study_that_fails_keeps_an_earlier_result(
    dicom: Path,
    tmp_path: Path,
    models: Models,
    chain_settings: ChainSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (first,) = run(dicom / "a", tmp_path, models, chain_settings)
    before = files(tmp_path / first.study.key)

    def broken(*args: object, **more: object) -> None:
        raise RuntimeError("Never^Shown in a text")

    monkeypatch.setattr("nodulus.app.study.analyse", broken)
    (second,) = run(dicom / "a", tmp_path, models, chain_settings)
    assert second.error is not None
    assert second.error.code is ErrorCode.INTERNAL
    assert "Never" not in str(second.error)
    assert files(tmp_path / first.study.key) == before
    (told,) = json.loads((tmp_path / "summary.json").read_text())["studies"]
    assert told["error"]["code"] == "internal-error"
    assert told["findings"] is None
    assert first.result is not None
    assert told["earlier_result"] == first.result.created


@pytest.mark.parametrize("name", ["seg", "sr"])
def test_a_writer_that_fails_is_an_error_beside_the_result(
    dicom: Path,
    tmp_path: Path,
    models: Models,
    chain_settings: ChainSettings,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    def broken(_plan: object) -> None:
        raise RuntimeError("Never^Shown in a text")

    monkeypatch.setitem(writers.WRITERS, name, broken)  # type: ignore[arg-type]
    (outcome,) = run(dicom / "a", tmp_path, models, chain_settings)
    assert outcome.result is not None
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.RESULTS_INCOMPLETE
    (told,) = json.loads((tmp_path / "summary.json").read_text())["studies"]
    assert told["error"]["code"] == "results-incomplete"
    assert told["findings"] == len(outcome.result.findings) > 0
    assert "Never" not in (tmp_path / "summary.json").read_text()


def test_an_output_that_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NodulusError) as error:
        OutputFolder(tmp_path / "file" / "out")
    assert error.value.code is ErrorCode.OUTPUT_NOT_WRITABLE


def test_a_read_only_output_is_said_at_once(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        (locked / "probe").touch()
    except OSError:
        pass
    else:
        shutil.rmtree(locked)
        pytest.skip("this user may write everywhere")
    with pytest.raises(NodulusError) as error:
        OutputFolder(locked)
    assert error.value.code is ErrorCode.OUTPUT_NOT_WRITABLE
    locked.chmod(stat.S_IRWXU)
