"""What the reading process gives is what this process would read."""

from __future__ import annotations

import multiprocessing
import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from nodulus.app.errors import NodulusError
from nodulus.app.reading import Archives, find_studies, prefetch, prefetching

from .dicom_factory import body_hu, uid, write_series


def test_studies_and_the_first_readable_volume_are_those_of_this_process(tmp_path: Path) -> None:
    write_series(tmp_path / "a", body_hu(), study="one", series="s1")
    write_series(tmp_path / "b", body_hu(seed=1), study="two", series="s2")
    here = find_studies(tmp_path)
    seen: list[tuple[int, int]] = []
    with prefetching(tmp_path, Archives(), lambda *told: seen.append(told)) as reading:
        there = reading.studies()
        read = [study.load() for study in there.studies]
        again = there.studies[0].load()
    assert seen[-1] == (80, 80)
    assert [s.key for s in there.studies] == [s.key for s in here.studies]
    assert [s.ahead is None for s in there.studies] == [False, True]
    for study, volume in zip(here.studies, read, strict=True):
        expected = study.load()
        assert volume.hu.dtype == expected.hu.dtype
        np.testing.assert_array_equal(volume.hu, expected.hu)
        for field in fields(volume):
            if field.name not in ("hu", "geometry"):
                assert getattr(volume, field.name) == getattr(expected, field.name)
        np.testing.assert_array_equal(volume.geometry.affine_lps, expected.geometry.affine_lps)
    # Given away once, and read here the second time.
    assert again is not read[0]
    np.testing.assert_array_equal(again.hu, read[0].hu)


def test_the_volume_is_not_read_a_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hu = body_hu()
    write_series(tmp_path, hu)
    with prefetching(tmp_path, Archives()) as reading:
        (study,) = reading.studies().studies
        monkeypatch.setattr("nodulus.app.reading.discovery.load_plan", None)
        steps: list[tuple[int, int]] = []
        volume = study.load(lambda *told: steps.append(told))
    np.testing.assert_array_equal(volume.hu, hu)
    assert steps == [(1, 1)]


def test_an_input_that_cannot_be_read_is_told_as_ever(tmp_path: Path) -> None:
    with (
        prefetching(tmp_path / "none", Archives()) as reading,
        pytest.raises(NodulusError) as told,
    ):
        reading.studies()
    with pytest.raises(NodulusError) as expected:
        find_studies(tmp_path / "none")
    assert str(told.value) == str(expected.value)


def test_this_process_reads_where_the_other_one_ends_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path, body_hu(), study="one")
    monkeypatch.setattr(prefetch, "serve", _end_at_once)
    with prefetching(tmp_path, Archives()) as reading:
        (study,) = reading.studies().studies
        volume = study.load()
    assert study.key == uid("one")
    np.testing.assert_array_equal(volume.hu, body_hu())


def _end_at_once(*_: object) -> None:
    raise SystemExit(3)


def test_zip_files_are_left_to_this_process(tmp_path: Path) -> None:
    write_series(tmp_path / "plain", body_hu(), study="one")
    write_series(tmp_path / "packed", body_hu(seed=1), study="two")
    shutil.make_archive(str(tmp_path / "in" / "two"), "zip", tmp_path / "packed")
    (tmp_path / "plain").rename(tmp_path / "in" / "one")
    with Archives() as archives, prefetching(tmp_path / "in", archives) as reading:
        studies = reading.studies().studies
        read = {study.key: study.load().hu for study in studies}
    assert all(study.ahead is None for study in studies)
    np.testing.assert_array_equal(read[uid("one")], body_hu())
    np.testing.assert_array_equal(read[uid("two")], body_hu(seed=1))


def test_no_process_is_left(tmp_path: Path) -> None:
    write_series(tmp_path, body_hu())
    before = multiprocessing.active_children()
    with pytest.raises(KeyboardInterrupt), prefetching(tmp_path, Archives()):
        raise KeyboardInterrupt
    assert multiprocessing.active_children() == before
