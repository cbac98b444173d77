"""What lies in the input and cannot be looked at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import find_studies
from nodulus.app.reading.files import list_files
from tests.app.reading.dicom_factory import body_hu, write_series

HU = body_hu()


def unlink_some(paths: list[Path], which: range) -> None:
    """Leave links to nothing, as git-annex does for what was not fetched."""
    for k in which:
        paths[k].unlink()
        paths[k].symlink_to(f"../.git/annex/objects/{k}")


def test_links_to_nothing_are_named_and_the_study_says_so(tmp_path: Path) -> None:
    paths = write_series(tmp_path, HU, shuffle=None)
    unlink_some(paths, range(25, 40))
    found = find_studies(tmp_path)
    (problem,) = found.problems
    assert problem.code is ErrorCode.INPUT_NOT_READABLE
    assert "15 entries cannot be looked at (a link that points to nothing)" in problem.message
    assert "git annex get" in problem.remedy
    volume = found.studies[0].load()
    assert volume.hu.shape[0] == 25
    assert "input-not-all-read" in {warning.code for warning in volume.warnings}


def test_the_remedy_for_links_works(tmp_path: Path) -> None:
    series = tmp_path / "series"
    paths = write_series(series, HU, shuffle=None)
    content = {k: paths[k].read_bytes() for k in range(25, 40)}
    unlink_some(paths, range(25, 40))
    objects = tmp_path / ".git" / "annex" / "objects"
    objects.mkdir(parents=True)
    for k, kept in content.items():
        (objects / str(k)).write_bytes(kept)
    found = find_studies(series)
    assert found.problems == ()
    assert found.studies[0].load().hu.shape == HU.shape


def test_nothing_but_links_to_nothing(tmp_path: Path) -> None:
    unlink_some(write_series(tmp_path, HU), range(40))
    with pytest.raises(NodulusError, match="40 entries cannot be looked at") as caught:
        find_studies(tmp_path)
    assert caught.value.code is ErrorCode.INPUT_NOT_READABLE


def test_the_path_itself_is_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(NodulusError, match="a link that points to nothing") as caught:
        list_files(tmp_path / "link")
    assert caught.value.code is ErrorCode.INPUT_NOT_READABLE


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_rights(tmp_path: Path) -> None:
    write_series(tmp_path, HU)
    write_series(tmp_path / "closed", HU)
    (tmp_path / "closed").chmod(0)
    found = find_studies(tmp_path)
    (tmp_path / "closed").chmod(0o700)
    assert [problem.code for problem in found.problems] == [ErrorCode.INPUT_NOT_READABLE]


def test_an_entry_that_cannot_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a share that lapsed, whatever the reason."""
    paths = write_series(tmp_path, HU, shuffle=None)
    stat = Path.stat

    def lapsed(self: Path, **options: bool) -> os.stat_result:
        if self in paths[30:]:
            raise OSError(116, "Stale file handle")
        return stat(self, **options)

    monkeypatch.setattr(Path, "stat", lapsed)
    listing = list_files(tmp_path)
    assert len(listing.files) == 30
    assert "10 entries cannot be looked at (Stale file handle)" in listing.problems[0].message


def test_pipes_and_loops_of_links_are_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path, HU)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "around").symlink_to(tmp_path)
    listing = list_files(tmp_path)
    assert (len(listing.files), listing.problems) == (40, ())


def test_results_within_the_input_are_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path, HU)
    result = tmp_path / "out" / "1.2.3"
    (result / "intermediates").mkdir(parents=True)
    (result / "findings.json").write_text('{"schema_version": "1.0", "nodulus_version": "0.1.0"}')
    (result / "intermediates" / "probability.nii.gz").write_bytes(b"no volume")
    found = find_studies(tmp_path)
    assert len(found.studies) == 1
    assert found.ignored == 1
