"""A writer that fails: every way to run the chain gives the rest, says so, and ends with 1."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nodulus.app.chain import Analysis, ChainSettings, Models, analyse
from nodulus.app.commands.root import cli
from nodulus.app.deploy import case as case_module
from nodulus.app.deploy.case import Case
from nodulus.app.deploy.containers import mercure
from nodulus.app.deploy.node.analysis import Analyser
from nodulus.app.deploy.node.node import Node
from nodulus.app.deploy.node.orthanc import CtStudy
from nodulus.app.deploy.node.state import NodeState, Waiting
from nodulus.app.errors import ErrorCode
from nodulus.app.reading import find_studies, load_volume
from nodulus.app.results import writers
from nodulus.app.results.options import OutputOptions
from nodulus.app.results.study_plan import plan
from nodulus.app.study import analyse_study
from tests.app.telemetry.recorder import Recorder

NAMES = ("seg", "sr", "key_objects", "key_images", "pdf", "report")
FILES = {
    "seg": {"nodules_seg.dcm"},
    "sr": {"nodules_sr.dcm"},
    "key_objects": {"key_objects.dcm"},
    "key_images": {"key_image_1.dcm", "key_image_2.dcm"},
    "pdf": {"report_pdf.dcm"},
    "report": {"report.html"},
}
ALL = {"findings.json"}.union(*FILES.values())


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The writer that fails."""

    def fail(_plan: object) -> None:
        raise RuntimeError("Never^Shown")

    monkeypatch.setitem(writers.WRITERS, request.param, fail)  # type: ignore[arg-type]
    return str(request.param)


@pytest.fixture(scope="module")
def analysis(chest: Path, models: Models, chain_settings: ChainSettings) -> Analysis:
    """What the chain finds, once for all tests."""
    return analyse(load_volume(chest / "chest"), models, chain_settings)


@pytest.fixture(autouse=True)
def quick_chain(
    monkeypatch: pytest.MonkeyPatch,
    models: Models,
    chain_settings: ChainSettings,
    analysis: Analysis,
) -> None:
    monkeypatch.setattr("nodulus.app.chain.load_models", lambda *_, **__: models)
    monkeypatch.setattr("nodulus.app.chain.load_settings", lambda *_, **__: chain_settings)
    monkeypatch.setattr("nodulus.app.study.analyse", lambda *_, **__: analysis)


@pytest.mark.parametrize("broken", NAMES, indirect=True)
def test_detect(broken: str, chest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["detect", str(chest / "chest"), "-o", str(out), "--key-images", "--pdf"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 1, done.output
    assert "[results-incomplete]" in done.output
    assert "2 findings" in done.output
    assert "Never" not in done.output
    (folder,) = (path for path in out.iterdir() if path.is_dir())
    assert {path.name for path in folder.iterdir()} == ALL - FILES[broken]
    told = json.loads((folder / "findings.json").read_text())
    assert "RuntimeError" in told["files_left_out"][broken]
    (entry,) = json.loads((out / "summary.json").read_text())["studies"]
    assert (entry["findings"], entry["error"]["code"]) == (2, "results-incomplete")


@pytest.mark.parametrize("broken", NAMES, indirect=True)
def test_mercure(broken: str, chest: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for path in (chest / "chest").iterdir():
        (source / path.name).write_bytes(path.read_bytes())
    task = {"process": {"settings": {"key_images": True, "pdf": True}}}
    (source / "task.json").write_text(json.dumps(task))
    assert mercure.main({"MERCURE_IN_DIR": str(source), "MERCURE_OUT_DIR": str(out)}) == 1
    content = json.loads((out / "result.json").read_text())
    (study,) = content["studies"]
    assert (study["findings"], study["error"]) == (2, "results-incomplete")
    assert set(study["files"].values()) == {p.name for p in out.iterdir()} - {"result.json"}
    assert len(study["files"]) == len(ALL - FILES[broken])
    (error,) = content["errors"]
    assert "RuntimeError" in error
    assert content["__mercure_notification"]["requested"]


class OneStudy:
    """An Orthanc that holds one study, as far as the node asks."""

    url = "http://orthanc"

    def __init__(self, files: list[Path]) -> None:
        self.files = dict(enumerate(files))
        self.stored: list[bytes] = []
        self.marked = ""

    def newest_change(self) -> int:
        return 0

    def ct_study(self, study: str) -> CtStudy:
        return CtStudy(study, tuple(str(number) for number in self.files))

    def download(self, instance: str, path: Path) -> None:
        path.write_bytes(self.files[int(instance)].read_bytes())

    def store(self, path: Path) -> str:
        self.stored.append(path.read_bytes())
        return path.name

    def mark(self, _study: str) -> str:
        return self.marked

    def set_mark(self, _study: str, text: str) -> None:
        self.marked = text


@pytest.mark.parametrize("broken", NAMES[:-1], indirect=True)
def test_node(
    broken: str,
    chest: Path,
    tmp_path: Path,
    models: Models,
    chain_settings: ChainSettings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    orthanc: Any = OneStudy(sorted((chest / "chest").iterdir()))
    options = OutputOptions(report=False, key_images=True, pdf=True)
    NodeState(waiting={"1.2.3": Waiting()}).save(tmp_path)
    recorder = Recorder()
    analyser = Analyser(
        orthanc, tmp_path, models, chain_settings, options, lambda: None, watcher=recorder
    )
    with caplog.at_level("INFO", "nodulus"):
        Node(orthanc, analyser, (), 0.1, threading.Event()).run(once=True)
    sent = {name for name in ALL - FILES[broken] if name.endswith(".dcm")}
    assert len(orthanc.stored) == len(sent)
    assert orthanc.marked.endswith(" results-incomplete")
    assert "delivered without some results: results-incomplete" in caplog.text
    assert "RuntimeError" in caplog.text
    assert "Never" not in caplog.text
    assert [(bool(key), end.status, end.code) for key, end, *_ in recorder.ends] == [
        (True, "failed", "results-incomplete"), (False, None, None),
    ]  # fmt: skip
    assert [name for _, name, *_ in recorder.steps][:3] == ["fetch", "look", "read"]
    assert not recorder.open


STEPS = (
    ("seg", "mask"),
    ("sr",),
    ("key_objects", "key_images", "gsps", "pdf", "intermediates", "report", "summary"),
)
"""What the three writing operators make; test_application.py runs them on the real SDK."""


@pytest.mark.parametrize("broken", NAMES, indirect=True)
def test_monai_deploy(broken: str, chest: Path, tmp_path: Path, models: Models,
                      chain_settings: ChainSettings) -> None:  # fmt: skip
    (study,) = find_studies(chest / "chest").studies
    options = OutputOptions(key_images=True, pdf=True)
    found = analyse_study(study, study.load(), 0.0, models, chain_settings, options)
    case = Case(study, tmp_path / study.key, plan=plan(study.load(), found, options))
    for step in STEPS:
        case.make(*step)
    outcome = case.publish()
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.RESULTS_INCOMPLETE
    assert outcome.folder is not None
    assert {path.name for path in outcome.folder.iterdir()} == ALL - FILES[broken]


def test_the_operators_make_every_result_that_there_is() -> None:
    made = [name for step in STEPS for name in step]
    assert sorted(made) == sorted(writers.WRITERS)
    folder = Path(case_module.__file__).parent / "operators"
    sources = "".join(path.read_text() for path in sorted(folder.glob("write_*.py")))
    for step in STEPS:
        assert f"case.make({', '.join(f'{name!r}' for name in step)})".replace("'", '"') in sources
