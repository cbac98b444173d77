"""Whatever ends the process, or closes its streams: nothing is lost, and no patient file stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from nodulus.app.output import IMAGES
from nodulus.app.volume import CtVolume
from tests.app.reading.dicom_factory import write_series

REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")

DETECT = """
import sys, time
from pathlib import Path
from nodulus.app import study
from tests.app.deploy import conftest
slow = sys.argv.pop(1)
analyse = study.analyse
def counted(*given, **more):
    done = Path(slow).parent / "analysed"
    done.write_text(done.read_text() + "x" if done.exists() else "x")
    if len(done.read_text()) == 2 and Path(slow).exists():
        Path(slow).unlink()
        time.sleep(120)
    return analyse(*given, **more)
study.analyse = counted
from nodulus.app.__main__ import main
main()
"""


@pytest.fixture
def two_studies(tmp_path: Path, volume: CtVolume) -> Path:
    """A zip file with two chests."""
    first = volume.geometry.affine_lps[:3, 3]
    place = {"spacing_mm": (1.5, 1.5), "step_mm": 2.0, "first_lps_mm": first}
    for name in ("a", "b"):
        write_series(tmp_path / "in" / name, volume.hu, study=name, series="1", **place)
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as packed:
        for path in sorted((tmp_path / "in").rglob("*.dcm")):
            packed.write(path, path.relative_to(tmp_path))
    return tmp_path / "in.zip"


Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path, quick_bundles: Path) -> Start:
    """Start `nodulus detect`; the second study takes two minutes while a file is there."""

    def begin(
        source: Path,
        *,
        slow: bool = False,
        stdout: int | None = subprocess.DEVNULL,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        (tmp_path / "temporary").mkdir(exist_ok=True)
        if slow:
            (tmp_path / "slow").touch()
        arguments = ["detect", source, "-o", tmp_path / "out", "-m", quick_bundles]
        return subprocess.Popen(
            [sys.executable, "-c", DETECT, tmp_path / "slow", *arguments],
            cwd=REPOSITORY,
            env={
                **os.environ,
                "PYTHONPATH": str(REPOSITORY),
                "TMPDIR": str(tmp_path / "temporary"),
                "OMP_NUM_THREADS": "1",
                **(environment or {}),
            },
            stdout=stdout,
            stderr=subprocess.PIPE,
        )

    return begin


def told(folder: Path) -> dict[str, int]:
    """The number of findings of each study."""
    content = json.loads((folder / "out" / "summary.json").read_text())
    return {study["key"]: study["findings"] for study in content["studies"]}


def assert_both_are_done(folder: Path) -> None:
    """Both studies have what is in each."""
    first, second = told(folder).values()
    assert first == second > 0


def wait_for_the_second(folder: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 240
    (folder / "slow").touch()
    while (folder / "slow").exists():
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_keeps_what_is_done_and_leaves_no_patient_file(
    number: signal.Signals, two_studies: Path, tmp_path: Path, start: Start
) -> None:
    process = start(two_studies, slow=True)
    wait_for_the_second(tmp_path, process)
    assert any((tmp_path / "temporary").rglob("*.dcm"))  # unpacked
    process.send_signal(number)
    assert process.wait(timeout=30) == 128 + number
    assert list((tmp_path / "temporary").iterdir()) == []
    ((key, findings),) = told(tmp_path).items()
    assert findings > 0
    written = {p.name for p in (tmp_path / "out").iterdir()}
    assert written == {key, "summary.json", IMAGES}
    assert (tmp_path / "out" / key / "nodules_seg.dcm").exists()


@pytest.mark.slow
def test_what_a_killed_run_unpacked_is_removed_by_the_next(
    two_studies: Path, tmp_path: Path, start: Start
) -> None:
    process = start(two_studies, slow=True)
    wait_for_the_second(tmp_path, process)
    process.kill()
    process.wait(timeout=30)
    assert any((tmp_path / "temporary").rglob("*.dcm"))
    second = start(two_studies)
    assert second.wait(timeout=240) == 0
    assert list((tmp_path / "temporary").iterdir()) == []
    assert_both_are_done(tmp_path)


@pytest.mark.slow
def test_a_closed_pipe_does_not_end_the_work(
    two_studies: Path, tmp_path: Path, start: Start
) -> None:
    process = start(two_studies, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert errors == b""
    assert_both_are_done(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_behind_the_output_does_not_end_the_work(
    two_studies: Path, tmp_path: Path, start: Start
) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start(two_studies, stdout=full.fileno())
        _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert_both_are_done(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0",
      "PYTHONCOERCECLOCALE": "0"}],
)  # fmt: skip
def test_any_encoding_of_the_terminal_and_of_names(
    environment: dict[str, str],
    tmp_path: Path,
    volume: CtVolume,
    start: Start,
) -> None:
    """A file whose name is not UTF-8, and a terminal that knows ASCII alone."""
    import nibabel as nib

    (tmp_path / "in \N{GREEK SMALL LETTER BETA}").mkdir()
    image = nib.Nifti1Image(
        volume.hu.transpose(2, 1, 0), volume.geometry.affine_ras[:, [2, 1, 0, 3]]
    )
    nib.save(image, tmp_path / "ct.nii")
    folder = os.fsencode(tmp_path / "in \N{GREEK SMALL LETTER BETA}")
    (tmp_path / "ct.nii").rename(os.fsdecode(folder + b"/CT_M\xfcller.nii"))
    process = start(Path(os.fsdecode(folder)), stdout=subprocess.PIPE, environment=environment)
    out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    (findings,) = told(tmp_path).values()
    assert findings > 0
    assert f"{findings} findings".encode() in out
