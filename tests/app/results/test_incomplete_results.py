"""A writer that fails costs its own files, and nothing else."""

from __future__ import annotations

import errno
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from scipy import ndimage

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import StudyResult
from nodulus.app.results import writers
from nodulus.app.results.failure_words import incomplete_error
from nodulus.app.results.file_plan import SEG_FILE, SR_FILE
from nodulus.app.results.intermediates import Intermediates
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.probability import ProbabilityMap
from nodulus.app.results.study_plan import StudyAnalysis, StudyPlan, plan
from nodulus.app.results.write_results import write_study
from nodulus.app.volume import CtVolume

from .others import validate
from .synthetic import PATIENT_NAME, result_for, two_labels, write_series

EVERYTHING = OutputOptions(
    key_images=True, pdf=True, keep_intermediates=True, seg_type="fractional"
)
OF_DICOM = ("seg", "sr", "key_objects", "key_images", "pdf")
ALL = (*OF_DICOM, "report", "intermediates")


def analysis_of(volume: CtVolume, labels: np.ndarray) -> StudyAnalysis:
    soft = ndimage.gaussian_filter((labels > 0).astype(np.float32), 1.0)
    result = result_for(volume, labels)
    geometry = volume.geometry
    kept = Intermediates(volume.hu < -500, geometry, soft, geometry, result.candidates)
    return StudyAnalysis(labels, result, (), ProbabilityMap(soft, geometry), kept)


def planned(folder: Path, options: OutputOptions = EVERYTHING) -> StudyPlan:
    volume = write_series(folder / "ct")
    return plan(volume, analysis_of(volume, two_labels()), options)


def write(folder: Path, volume: CtVolume, out: str = "out") -> tuple[StudyResult, Path]:
    written = write_study(folder / out, volume, analysis_of(volume, two_labels()), EVERYTHING)
    return written.result, written.folder


def failing(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> None:
    def fail(_plan: StudyPlan) -> Any:
        raise error

    monkeypatch.setitem(writers.WRITERS, name, fail)  # type: ignore[arg-type]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def described(content: bytes) -> list[Any]:
    """Everything in an object but the times at which it was made."""

    def of(dataset: Dataset) -> list[Any]:
        return [
            (e.tag, [of(item) for item in e.value] if e.VR == "SQ" else e.value)
            for e in dataset
            if e.VR not in ("DA", "TM", "DT") and e.keyword != "DimensionOrganizationUID"
        ]

    return of(dcmread(BytesIO(content)))


def test_writers_give_the_same_in_any_order_and_thread(tmp_path: Path) -> None:
    study = planned(tmp_path)
    before = study.result.model_dump_json()
    alone = {name: writers.WRITERS[name](study) for name in ALL}
    with ThreadPoolExecutor(4) as pool:
        beside = dict(
            zip(ALL, pool.map(lambda n: writers.WRITERS[n](study), reversed(ALL)), strict=True)
        )
    beside = dict(zip(ALL, reversed(beside.values()), strict=True))
    assert study.result.model_dump_json() == before
    for name in ALL:
        assert set(alone[name]) == set(beside[name])
        for file, content in alone[name].items():
            if file.endswith(".dcm"):
                assert described(content) == described(beside[name][file]), file
            else:
                assert content == beside[name][file], file


def test_the_report_of_structure_refers_to_the_segmentation_whichever_is_first(
    tmp_path: Path,
) -> None:
    study = planned(tmp_path)
    (report,) = writers.sr(study).values()
    (segmentation,) = writers.seg(study).values()
    made = dcmread(BytesIO(segmentation))
    evidence = {
        image.ReferencedSOPInstanceUID: series.SeriesInstanceUID
        for one in dcmread(BytesIO(report)).CurrentRequestedProcedureEvidenceSequence
        for series in one.ReferencedSeriesSequence
        for image in series.ReferencedSOPSequence
    }
    assert evidence[made.SOPInstanceUID] == made.SeriesInstanceUID


def test_pictures_are_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nodulus.app.results import pictures

    drawn: list[int] = []
    draw, lock = pictures.finding_pictures, threading.Lock()

    def counted(*given: Any) -> Any:
        with lock:
            drawn.append(given[3].id)
        return draw(*given)

    monkeypatch.setattr(pictures, "finding_pictures", counted)
    write(tmp_path, write_series(tmp_path / "ct"))
    assert sorted(drawn) == [1, 2]


@dataclass(frozen=True)
class Whole:
    """A study of which everything could be written; not to be changed."""

    volume: CtVolume
    result: StudyResult
    names: frozenset[str]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    volume = write_series(folder / "ct")
    result, out = write(folder, volume)
    return Whole(volume, result, frozenset(names(out)))


@pytest.mark.parametrize("name", ALL)
def test_each_writer_in_turn(
    name: str, written: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume, whole = written.volume, written.result
    failing(monkeypatch, name, RuntimeError(f"Never shown: {PATIENT_NAME}"))
    result, folder = write(tmp_path, volume)
    of_it = {n for w, n in whole.files.items() if w == name or (name, w[:10]) == (
        "key_images", "key_image_")}  # fmt: skip
    assert of_it
    assert names(folder) == written.names - of_it
    assert set(result.files.values()) == names(folder)
    assert result.files_left_out[name] == "could not be made: unexpected RuntimeError"
    assert result.findings == whole.findings
    assert [w.code for w in result.warnings] == ["thick-slices", "results-incomplete"]
    assert StudyResult.model_validate_json((folder / "findings.json").read_text()) == result
    error = incomplete_error(result, "1.2.3")
    assert error is not None
    assert error.code is ErrorCode.RESULTS_INCOMPLETE
    assert "RuntimeError" in str(error)
    assert "Never" not in str(error) + result.model_dump_json()
    if name != "report":
        page = (folder / "report.html").read_text()
        assert result.warnings[-1].message in page
        assert f"Not written: {name} (could not be made: unexpected RuntimeError)" in page
    for path in folder.glob("*.dcm"):
        validate(path)
    if name == "seg":
        assert SEG_FILE not in names(folder)
        assert b"SEGMENT" not in (folder / SR_FILE).read_bytes()  # no reference to what is not
        references = dcmread(folder / SR_FILE).CurrentRequestedProcedureEvidenceSequence
        assert len(references[0].ReferencedSeriesSequence) == 1


@pytest.mark.parametrize("pair", list(itertools.combinations(("seg", "sr", "report", "pdf"), 2)))
def test_two_writers_at_once(
    pair: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in pair:
        failing(monkeypatch, name, ValueError("x"))
    result, folder = write(tmp_path, write_series(tmp_path / "ct"))
    assert set(pair) <= set(result.files_left_out)
    assert sum(w.code == "results-incomplete" for w in result.warnings) == 1
    assert set(result.files.values()) == names(folder)


def test_an_error_with_words_of_its_own_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(
        monkeypatch,
        "sr",
        NodulusError(ErrorCode.MISSING_ATTRIBUTE, "There is no Rows.", remedy="Send it again."),
    )
    result, _ = write(tmp_path, write_series(tmp_path / "ct"))
    assert result.files_left_out["sr"] == "could not be made: There is no Rows"


def test_a_source_that_has_gone_costs_what_needs_it(tmp_path: Path) -> None:
    volume = write_series(tmp_path / "ct")
    volume.source_images[3].path.unlink()
    result, folder = write(tmp_path, volume)
    assert names(folder) == {"findings.json", "report.html", "intermediates"}
    assert set(result.files_left_out) == set(OF_DICOM)
    assert "cannot be read again" in result.files_left_out["sr"]
    assert str(volume.source_images[3].path) not in result.model_dump_json()


def test_masks_that_cannot_be_brought_onto_the_images_cost_what_needs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("no place")

    monkeypatch.setattr("nodulus.app.results.source_masks.labels_on_source", fail)
    result, folder = write(tmp_path, write_series(tmp_path / "ct"))
    assert set(result.files_left_out) == {"seg", "key_objects"}
    assert {SR_FILE, "report.html", "report_pdf.dcm", "key_image_1.dcm"} < names(folder)


Full = Callable[[str], bool]


def full_disk(monkeypatch: pytest.MonkeyPatch, refuses: Full) -> None:
    write_bytes = Path.write_bytes

    def write(self: Path, data: bytes) -> int:
        if refuses(self.name):
            write_bytes(self, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(self, data)

    monkeypatch.setattr(Path, "write_bytes", write)


def test_a_file_that_the_disk_does_not_take_is_left_out_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = write_series(tmp_path / "ct")
    full_disk(monkeypatch, lambda name: name == "probability.nii.gz")
    result, folder = write(tmp_path, volume)
    assert result.files_left_out == {"intermediates": "could not be made: No space left on device"}
    assert "intermediates" not in {p.name for p in folder.iterdir() if any(folder.glob("*/*"))}
    assert result.warnings[-1].message in (folder / "report.html").read_text()


def test_the_largest_file_gives_way_to_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = write_series(tmp_path / "ct")
    left = iter([True, True])  # the first two attempts at findings.json fail
    full_disk(monkeypatch, lambda name: name == "findings.json" and next(left, False))
    result, folder = write(tmp_path, volume)
    assert len(result.files_left_out) == 2
    assert StudyResult.model_validate_json((folder / "findings.json").read_text()) == result


def test_a_full_disk_is_an_error_and_leaves_the_old_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = write_series(tmp_path / "ct")
    write(tmp_path, volume)
    before = {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    full_disk(monkeypatch, lambda _name: True)
    with pytest.raises(NodulusError, match="No space left") as caught:
        write(tmp_path, volume)
    assert caught.value.code is ErrorCode.OUTPUT_NOT_WRITABLE
    assert {p: p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()} == before
    assert names(tmp_path) == {"ct", "out"}


def test_an_incomplete_result_does_not_replace_a_complete_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = write_series(tmp_path / "ct")
    write(tmp_path, volume)
    before = {p: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.is_file()}
    with monkeypatch.context() as patch:
        failing(patch, "sr", ValueError("x"))
        _, folder = write(tmp_path, volume)
        assert folder == tmp_path / "out~incomplete"
        _, again = write(tmp_path, volume)
        assert again == folder
    assert {p: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.is_file()} == before
    _, folder = write(tmp_path, volume)
    assert folder == tmp_path / "out"
    assert names(tmp_path) == {"ct", "out"}


def test_a_complete_result_replaces_an_incomplete_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = write_series(tmp_path / "ct")
    with monkeypatch.context() as patch:
        failing(patch, "sr", ValueError("x"))
        _, folder = write(tmp_path, volume)
    assert folder == tmp_path / "out"
    result, folder = write(tmp_path, volume)
    assert folder == tmp_path / "out"
    assert SR_FILE in names(folder)
    assert names(tmp_path) == {"ct", "out"}
    assert result.files_left_out == {}
