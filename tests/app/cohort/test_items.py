"""What a cohort consists of, and how it is parted."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nodulus.app.cohort.items import inventory, shard_of
from nodulus.app.errors import ErrorCode, NodulusError
from tests.app.cohort.stand_in import item
from tests.app.reading.dicom_factory import write_series

HU = np.full((6, 8, 8), -800.0)


def given(sources: list[Path]) -> list[str]:
    return sorted(one.given for one in inventory(sources).items)


def test_shards_are_a_partition_that_any_machine_agrees_on() -> None:
    items = [item(f"study {n}") for n in range(500)]
    parts = [shard_of(items, number, 7) for number in range(1, 8)]
    assert sorted(one.id for part in parts for one in part) == sorted(one.id for one in items)
    assert min(map(len, parts)) > 40
    assert shard_of(items[::-1], 3, 7)[::-1] == parts[2]


def test_each_study_of_a_folder_is_an_item_and_so_is_a_zip(tmp_path: Path) -> None:
    for study in ("a", "b"):
        write_series(tmp_path / "in" / study, HU, study=study, series="1")
    write_series(tmp_path / "c", HU, study="c", series="1")
    shutil.make_archive(str(tmp_path / "in" / "c"), "zip", tmp_path / "c")
    found = inventory([tmp_path / "in"])
    assert sum(one.study is not None for one in found.items) == 2
    assert [one.path for one in found.items if one.path] == [tmp_path / "in" / "c.zip"]
    assert [one.id for one in found.items] == sorted(one.id for one in found.items)
    shutil.rmtree(tmp_path / "in" / "a"), shutil.rmtree(tmp_path / "in" / "b")
    assert given([tmp_path / "in"]) == [str(tmp_path / "in" / "c.zip")]


def test_a_study_in_two_folders_is_named_and_analysed_once(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_series(tmp_path / folder, HU, study="a", series="1")
    found = inventory([tmp_path / "one", tmp_path / "two"])
    assert [one.given for one in found.items] == [str(tmp_path / "one")]
    (problem,) = found.problems
    assert problem.code is ErrorCode.DUPLICATE_STUDY
    assert problem.subject == str(tmp_path / "two")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_s_paths_are_relative_to_it(tmp_path: Path, kind: str) -> None:
    table = tmp_path / f"studies.{kind}"
    paths = ["a", "sub/b", str(tmp_path / "c"), "a"]
    if kind == "csv":
        lines = ["\ufeffid,path", *(f"{n},{path}" for n, path in enumerate(paths)), "9, "]
        table.write_text("\n".join(lines), encoding="utf-8")
    else:
        columns = {"id": list(range(5)), "path": [*paths, None]}
        pq.write_table(pa.table(columns), table)
    found = inventory([table])
    assert {one.path for one in found.items} == {tmp_path / name for name in ("a", "sub/b", "c")}
    assert {one.given for one in found.items} == {"a", "sub/b", str(tmp_path / "c")}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"id,folder\n1,a\n", "It has no column 'path'"),
        ("t.csv", b"path\n\n", "It names no path"),
        ("t.csv", b"\xff\xfe\x00path", "cannot be read as a table"),
        ("t.parquet", b"path\na\n", "cannot be read as a table"),
    ],
)
def test_a_table_that_is_none_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NodulusError, match=message) as caught:
        inventory([tmp_path / name])
    assert caught.value.subject == str(tmp_path / name)


def test_a_source_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("none", "none.csv", "none.zip"):
        with pytest.raises(NodulusError) as caught:
            inventory([tmp_path / name])
        assert caught.value.code is ErrorCode.INPUT_NOT_FOUND
