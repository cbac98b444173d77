"""One output folder for many runs: nothing of another run is lost."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nodulus.app.output import OutputFolder
from nodulus.app.private_folder import STAGING_PREFIX, private_folder
from nodulus.app.results.folder import FINDINGS_FILE, replaced_folder

REPOSITORY = Path(__file__).resolve().parents[2]


def entry(key: str, error: str | None = None) -> dict[str, object]:
    return {
        "key": key,
        "findings": 2 if error is None else None,
        "error": None if error is None else {"code": error},
    }


def fill(folder: Path, text: str = "{}") -> None:
    with replaced_folder(folder) as staged:
        (staged.part / FINDINGS_FILE).write_text(text)


def told(root: Path) -> dict[str, object]:
    content = json.loads((root / "summary.json").read_text())
    return {study["key"]: study["error"] for study in content["studies"]}


def finish(
    output: OutputFolder, *studies: dict[str, object], problems: tuple[str, ...] = ()
) -> None:
    output.finish({"studies": studies, "problems": [{"code": p} for p in problems]})


def test_summaries_are_merged(tmp_path: Path) -> None:
    for key in ("a", "b"):
        output = OutputFolder(tmp_path, Path(f"in-{key}"))
        fill(output.study(key))
        output.record([entry(key)])
        finish(output, entry(key), problems=(f"problem-{key}",))
    assert told(tmp_path) == {"a": None, "b": None}
    again = OutputFolder(tmp_path, Path("in-a"))
    finish(again, entry("a", "no-lungs"))
    assert told(tmp_path) == {"a": {"code": "no-lungs"}, "b": None}
    content = json.loads((tmp_path / "summary.json").read_text())
    assert [p["code"] for p in content["problems"]] == ["problem-b"]  # a's input has none now
    assert (tmp_path / "a" / FINDINGS_FILE).exists()
    assert "in-a" not in json.dumps(content)  # a path may hold a name


def test_what_was_removed_by_hand_is_not_spoken_of(tmp_path: Path) -> None:
    output = OutputFolder(tmp_path, Path("in"))
    fill(output.study("a"))
    finish(output, entry("a"), entry("b", "no-lungs"))
    (tmp_path / "a" / FINDINGS_FILE).unlink()
    finish(OutputFolder(tmp_path, Path("other")), entry("c", "no-lungs"))
    assert set(told(tmp_path)) == {"b", "c"}
    finish(OutputFolder(tmp_path, Path("in")), entry("d", "no-lungs"))  # b's input again, without b
    assert set(told(tmp_path)) == {"c", "d"}


@pytest.mark.parametrize("text", ["", "[]", '{"studies": 1}', '{"studies": [{"key": "../x"}]}'])
def test_a_summary_that_is_none_is_written_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "summary.json").write_text(text)
    finish(OutputFolder(tmp_path), entry("a", "no-lungs"))
    assert set(told(tmp_path)) == {"a"}


def test_a_summary_cannot_make_a_run_touch_folders_elsewhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "findings.json").write_text("{}")
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.json").write_text(
        json.dumps({"studies": [{"key": "../victim", "error": None}], "problems": []})
    )
    finish(OutputFolder(out))
    assert victim.exists()
    assert told(out) == {}


def _run(root: Path, name: str) -> None:
    for number in range(12):
        output = OutputFolder(root, Path(name))
        fill(output.study(f"{name}-{number}"))
        fill(output.study("shared"), name)
        output.record([entry(f"{name}-{number}"), entry("shared")])


def test_runs_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    runs = [context.Process(target=_run, args=(tmp_path, name)) for name in "abc"]
    for one in runs:
        one.start()
    for one in runs:
        one.join(120)
        assert one.exitcode == 0
    expected = {f"{name}-{number}" for name in "abc" for number in range(12)} | {"shared"}
    assert set(told(tmp_path)) == expected
    assert {path.name for path in tmp_path.iterdir()} == expected | {"summary.json"}
    assert (tmp_path / "shared" / FINDINGS_FILE).read_text() in "abc"


DYING = """
import os, signal, sys
from pathlib import Path
from nodulus.app.private_folder import STAGING_PREFIX, private_folder
from nodulus.app.results import folder
root = Path(sys.argv[1])
if sys.argv[2] == "between":
    rename = Path.rename
    def dying(self, target):
        rename(self, target)
        if self.name == "study":
            os.kill(os.getpid(), signal.SIGKILL)
    Path.rename = dying
with folder.replaced_folder(root / "study") as staged:
    (staged.part / "findings.json").write_text("new")
    (staged.part / "patient.dcm").write_text("Secret^Person")
    if sys.argv[2] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("when", ["before", "between"])
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_remains_of_a_run_that_was_killed_are_cleared(tmp_path: Path, when: str) -> None:
    fill(tmp_path / "study", "old")
    (tmp_path / f"{STAGING_PREFIX}of-a-user").mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", DYING, str(tmp_path), when],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    assert any(path.name == "patient.dcm" for path in tmp_path.rglob("*"))
    OutputFolder(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"study", f"{STAGING_PREFIX}of-a-user"}
    assert (tmp_path / "study" / FINDINGS_FILE).read_text() == "old"


def test_a_run_that_lives_is_left_alone(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys\n"
        "from nodulus.app.output import OutputFolder\n"
        "OutputFolder(pathlib.Path(sys.argv[1]))"
    )
    with private_folder(tmp_path, STAGING_PREFIX) as other:
        ended = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            check=True,
        )
        assert ended.returncode == 0
        assert other.is_dir()
    assert not other.exists()


def test_results_may_go_into_a_private_folder(tmp_path: Path) -> None:
    """As for mercure: the run's lock is not that of the folder it writes into."""
    with private_folder(tmp_path, STAGING_PREFIX) as scratch:
        output = OutputFolder(scratch)
        fill(output.study("a"))
        finish(output, entry("a"))
        assert told(scratch) == {"a": None}
    assert list(tmp_path.iterdir()) == []
