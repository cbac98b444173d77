"""`nodulus prepare` in a folder where it ran before."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from nodulus.bundles.common.data.studies import read_data_dir
from tests.app.commands.prepare_luna16 import COARSE, images, luna16, prepare
from tests.lidc_shapes import needs_lidc_shapes

pytestmark = needs_lidc_shapes


def test_a_second_run_keeps_what_is_right_and_mends_what_is_not(luna: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    luna16(luna, cache)
    files = sorted((cache / "prepared").iterdir())
    before = [path.stat().st_mtime_ns for path in files]
    assert "0 scans prepared now, 3 were there" in luna16(luna, cache).output
    image = images(luna)[0]
    raw = image.with_suffix(".raw")
    content = bytearray(raw.read_bytes())
    content[0] ^= 1
    raw.write_bytes(bytes(content))
    assert "1 scan prepared now, 2 were there" in luna16(luna, cache).output
    after = {p.stem: p.stat().st_mtime_ns for p in files}
    changed = [p.stem for p, t in zip(files, before, strict=True) if after[p.stem] != t]
    assert changed == [image.stem]


def test_a_run_that_was_stopped_goes_on(luna: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    luna16(luna, cache)
    uid = images(luna)[2].stem
    (cache / "cache.json").unlink()
    (cache / "records" / f"{uid}.json").unlink()
    with pytest.raises(FileNotFoundError, match="did not finish, run it again"):
        read_data_dir(cache)
    assert "1 scan prepared now, 2 were there" in luna16(luna, cache).output
    assert len(read_data_dir(cache)) == 3


def test_a_prepared_file_that_was_damaged_is_made_again(luna: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    luna16(luna, cache)
    path = min((cache / "prepared").iterdir())
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert "1 scan prepared now" in luna16(luna, cache).output
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-10] + bytes(10))
    assert "0 scans prepared now" in luna16(luna, cache).output
    assert "1 scan prepared now" in luna16(luna, cache, "--verify").output
    assert path.read_bytes() == whole


def test_what_a_killed_run_left_is_swept_up(luna: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "prepared"
    folder.mkdir(parents=True)
    old, new = folder / ".1.2.pt.1.part", folder / ".1.3.pt.2.part"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert luna16(luna, tmp_path / "cache").exit_code == 0
    assert new.exists()  # another run may be writing it
    assert not old.exists()


@pytest.mark.slow
def test_two_processes_write_what_one_does(phantom: Path, tmp_path: Path) -> None:
    luna16(phantom, tmp_path / "one")
    done = prepare("luna16", phantom, "-o", tmp_path / "two", "--workers", 2, *COARSE)
    assert done.exit_code == 0, done.output
    for path in sorted((tmp_path / "one" / "prepared").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / "prepared" / path.name).read_bytes()
    for name in ("studies.csv", "nodules.csv", "candidates.csv", "excluded.csv"):
        assert (tmp_path / "one" / name).read_text() == (tmp_path / "two" / name).read_text()


def test_subsets_can_be_prepared_one_after_the_other(luna: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    part = tmp_path / "part"
    shutil.copytree(luna, part, ignore=shutil.ignore_patterns("subset1", "subset2"))
    luna16(part, cache, "--partial")
    shutil.rmtree(luna / "subset0")
    done = luna16(luna, cache)
    assert done.exit_code == 0, done.output
    assert "2 scans prepared now, 0 were there and still right, 1 kept" in done.output
    assert len(read_data_dir(cache)) == 3
