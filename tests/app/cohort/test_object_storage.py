"""Studies in object storage: listed by folders and zip files, fetched as they are."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from nodulus.app.cohort.items import inventory
from nodulus.app.cohort.object_storage import StoredFiles, list_storage
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import Archives, find_studies
from tests.app.reading.dicom_factory import write_series

HU = np.full((6, 8, 8), -800.0)
PLACE = "memory://bucket/scans"


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Any]:
    """Two folders with a study each, and a zip file with a third one."""
    storage = fsspec.filesystem("memory")
    for study in ("a", "b", "c"):
        write_series(tmp_path / study, HU, study=study, series="1")
    shutil.make_archive(str(tmp_path / "c"), "zip", tmp_path / "c")
    for study in ("a", "b"):
        storage.put(str(tmp_path / study), f"/bucket/scans/{study}", recursive=True)
    storage.put_file(str(tmp_path / "c.zip"), "/bucket/scans/c.zip")
    yield storage
    storage.store.clear()
    storage.pseudo_dirs[:] = [""]


def studies(files: StoredFiles, folder: Path) -> list[str]:
    assert files.fetch(folder) > 0
    with Archives() as archives:
        return [study.key for study in find_studies(folder, archives=archives).studies]


def test_each_folder_and_zip_file_is_fetched_as_one(bucket: Any, tmp_path: Path) -> None:
    found = list(list_storage(PLACE))
    assert [one.url for one in found] == [f"{PLACE}/{name}" for name in ("a", "b", "c.zip")]
    keys = [studies(one, tmp_path / f"fetched-{n}") for n, one in enumerate(found)]
    assert [len(each) for each in keys] == [1, 1, 1]
    assert len({each[0] for each in keys}) == 3
    assert len(list((tmp_path / "fetched-0" / "a").iterdir())) == len(HU)


def test_a_place_with_other_files_is_one_item(bucket: Any, tmp_path: Path) -> None:
    bucket.pipe_file("/bucket/scans/README.txt", b"scans")
    (whole,) = list_storage(PLACE)
    assert whole.url == PLACE
    assert len(studies(whole, tmp_path / "fetched")) == 3
    (alone,) = list_storage(f"{PLACE}/c.zip")
    assert len(studies(alone, tmp_path / "alone")) == 1


def test_items_are_of_a_place_or_of_the_rows_of_a_table(bucket: Any, tmp_path: Path) -> None:
    table = tmp_path / "studies.csv"
    table.write_text(f"path\n{PLACE}/a\n{PLACE}\n{PLACE}/a\n")
    assert sorted(one.given for one in inventory([table]).items) == [PLACE, f"{PLACE}/a"]
    found = inventory([PLACE, table])
    assert len(found.items) == 4
    assert not found.problems
    assert all(one.remote is not None for one in found.items)


def test_what_is_not_there_is_said(bucket: Any, tmp_path: Path) -> None:
    for call in (
        lambda: list(list_storage("memory://bucket/none")),
        lambda: StoredFiles("memory://bucket/none").fetch(tmp_path),
    ):
        with pytest.raises(NodulusError) as caught:
            call()
        assert caught.value.code is ErrorCode.SOURCE_NOT_REACHABLE
        assert caught.value.subject == "memory://bucket/none"


def test_a_kind_that_is_not_installed_or_known_is_said() -> None:
    with pytest.raises(NodulusError, match="not installed") as caught:
        list(list_storage("adl://store/scans"))
    assert caught.value.code is ErrorCode.PACKAGE_MISSING
    with pytest.raises(NodulusError, match="ValueError") as caught:
        list(list_storage("nothing://bucket"))
    assert caught.value.code is ErrorCode.SOURCE_NOT_REACHABLE


def test_a_name_that_leads_out_is_refused(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(bucket), "find", lambda *_: ["/bucket/scans/../../evil"])
    with pytest.raises(NodulusError, match="leads out of it"):
        StoredFiles(PLACE).fetch(tmp_path / "in")
    assert not list(tmp_path.rglob("evil"))
