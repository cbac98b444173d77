"""`nodulus prepare`: what is wrong is named, counted and left out, or refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nodulus.bundles.common.data.cache_folder import read_manifest
from nodulus.bundles.common.data.studies import read_data_dir
from tests.app.commands.prepare_luna16 import (
    ANNOTATIONS,
    edit,
    images,
    luna16,
    nothing_half_written,
    problems,
)
from tests.lidc_shapes import needs_lidc_shapes

pytestmark = needs_lidc_shapes


def missing_raw(luna: Path) -> dict[str, str]:
    image = images(luna)[1]
    image.with_suffix(".raw").unlink()
    return {"kind": "image-missing", "series_uid": image.stem, "path": str(image)}


def missing_header(luna: Path) -> dict[str, str]:
    image = images(luna)[1]
    image.unlink()
    return {"kind": "image-missing", "path": str(image.with_suffix(".raw"))}


def truncated_raw(luna: Path) -> dict[str, str]:
    raw = images(luna)[1].with_suffix(".raw")
    raw.write_bytes(raw.read_bytes()[:-1000])
    return {"kind": "image-broken", "series_uid": raw.stem, "path": str(raw.with_suffix(".mhd"))}


def one_uid_twice(luna: Path) -> dict[str, str]:
    image = images(luna)[1]
    for suffix in (".mhd", ".raw"):
        shutil.copy(image.with_suffix(suffix), luna / "subset0")
    return {"kind": "uid-twice", "series_uid": image.stem}


def series_not_on_disk(luna: Path) -> dict[str, str]:
    image = images(luna)[1]
    row = next(
        k
        for k, line in enumerate((luna / ANNOTATIONS).read_text().splitlines(), start=1)
        if line.startswith(image.stem)
    )
    for suffix in (".mhd", ".raw"):
        image.with_suffix(suffix).unlink()
    return {
        "kind": "series-not-on-disk", "series_uid": image.stem, "row": str(row),
        "path": str(luna / ANNOTATIONS),
    }  # fmt: skip


def series_not_listed(luna: Path) -> dict[str, str]:
    image = images(luna)[1]
    edit(luna / "seriesuids.csv", lambda rows: [r for r in rows if r[0] != image.stem])
    return {"kind": "series-not-listed", "series_uid": image.stem}


@pytest.mark.parametrize(
    "breaks",
    [missing_raw, missing_header, truncated_raw, one_uid_twice, series_not_on_disk,
     series_not_listed],
)  # fmt: skip
def test_a_scan_that_cannot_be_used_is_named_and_left_out(  # type: ignore[no-untyped-def]
    luna: Path, tmp_path: Path, breaks
) -> None:
    wanted = breaks(luna)
    cache = tmp_path / "cache"
    refused = luna16(luna, cache, "--strict")
    assert refused.exit_code == 1
    assert "[input-refused] 1 problem" in refused.output
    assert not cache.exists()
    done = luna16(luna, cache)
    assert done.exit_code == 1
    assert "series: 2 of" in done.output
    assert f"[{wanted['kind']}]" in done.output
    (row,) = problems(cache)
    assert {key: row[key] for key in wanted} == wanted
    assert json.loads((cache / "summary.json").read_text())["problems"][wanted["kind"]] == 1
    assert len(read_data_dir(cache)) == 2
    assert len(list((cache / "prepared").iterdir())) == 2
    assert nothing_half_written(cache)


def test_a_compressed_file_that_is_cut_off_is_found_when_it_is_read(
    luna: Path, tmp_path: Path
) -> None:
    import SimpleITK

    image = images(luna)[0]
    SimpleITK.WriteImage(SimpleITK.ReadImage(str(image)), str(image), useCompression=True)
    image.with_suffix(".raw").unlink()
    data = image.with_suffix(".zraw")
    image.write_text(
        "\n".join(s for s in image.read_text().splitlines() if "CompressedDataSize" not in s)
    )
    whole = data.read_bytes()
    assert luna16(luna, tmp_path / "whole").exit_code == 0
    data.write_bytes(whole[: len(whole) // 2])
    done = luna16(luna, tmp_path / "cut")
    assert done.exit_code == 1
    (row,) = problems(tmp_path / "cut")
    assert row["kind"] == "image-broken"
    assert "cut off" in row["message"]
    assert len(read_data_dir(tmp_path / "cut")) == 2


def test_only_some_subsets_are_no_error_where_that_is_said(luna: Path, tmp_path: Path) -> None:
    series_not_on_disk(luna)
    done = luna16(luna, tmp_path / "cache", "--partial")
    assert done.exit_code == 0
    assert "series: 2 of 3, -1" in done.output


def test_subsets_that_are_not_there_are_one_note(luna: Path, tmp_path: Path) -> None:
    """Two scans of 888 on disk is the usual case."""
    more = [[f"1.2.3.{k}", "1", "2", "3", "9.5"] for k in range(30)]
    edit(luna / ANNOTATIONS, lambda rows: [*rows, *more])
    edit(luna / "seriesuids.csv", lambda rows: [*rows, *([row[0]] for row in more)])
    done = luna16(luna, tmp_path / "cache")
    assert done.exit_code == 0, done.output
    assert problems(tmp_path / "cache") == []
    (note,) = (
        row for row in problems(tmp_path / "cache", notes=True) if row["kind"] == "subsets-missing"
    )
    assert "30 of 33 listed series, with 30 nodules, are not on disk" in note["message"]


def outside(luna: Path) -> str:
    edit(luna / ANNOTATIONS, lambda r: [*r[:2], [*r[2][:3], "9999", r[2][4]], *r[3:]])
    return "outside-volume"


def not_a_number(luna: Path) -> str:
    edit(luna / ANNOTATIONS, lambda r: [*r[:2], [*r[2][:3], "n/a", r[2][4]], *r[3:]])
    return "row-broken"


def cells_missing(luna: Path) -> str:
    edit(luna / ANNOTATIONS, lambda r: [*r[:2], r[2][:3], *r[3:]])
    return "row-broken"


def no_size(luna: Path) -> str:
    edit(luna / ANNOTATIONS, lambda r: [*r[:2], [*r[2][:4], "0"], *r[3:]])
    return "row-broken"


def repeated(luna: Path) -> str:
    edit(luna / ANNOTATIONS, lambda r: [*r[:2], r[1], *r[3:]])
    return "row-twice"


@pytest.mark.parametrize("breaks", [outside, not_a_number, cells_missing, no_size, repeated])
def test_a_row_that_cannot_be_used_is_named_and_left_out(  # type: ignore[no-untyped-def]
    luna: Path, tmp_path: Path, breaks
) -> None:
    rows = len((luna / ANNOTATIONS).read_text().splitlines()) - 1
    kind = breaks(luna)
    cache = tmp_path / "cache"
    refused = luna16(luna, cache, "--strict")
    assert refused.exit_code == 1
    assert "row 3" in refused.output
    assert read_manifest(cache) is None
    done = luna16(luna, cache)
    assert done.exit_code == 1
    assert f"[{kind}]" in done.output
    (row,) = problems(cache)
    assert (row["kind"], row["path"], row["row"]) == (kind, str(luna / ANNOTATIONS), "3")
    assert sum(len(s.nodules) for s in read_data_dir(cache)) == rows - 1
    assert nothing_half_written(cache)


def test_european_decimals_are_read_and_said(luna: Path, tmp_path: Path) -> None:
    whole = read_data_dir(luna)
    edit(luna / ANNOTATIONS, lambda rows: [[";".join(c.replace(".", ",") if k else c
         for k, c in enumerate(r))] for r in rows])  # fmt: skip
    assert ";" in (luna / ANNOTATIONS).read_text()
    assert luna16(luna, tmp_path / "no", "--strict").exit_code == 1
    assert not (tmp_path / "no").exists()
    done = luna16(luna, tmp_path / "cache")
    assert done.exit_code == 1
    (row,) = problems(tmp_path / "cache")
    assert row["kind"] == "table-form"
    assert "semicolons and a decimal comma" in row["message"]
    for a, b in zip(whole, read_data_dir(tmp_path / "cache"), strict=True):
        assert [n.center_lps_mm for n in a.nodules] == [n.center_lps_mm for n in b.nodules]


def test_a_missing_header_is_read_and_said(luna: Path, tmp_path: Path) -> None:
    rows = len((luna / ANNOTATIONS).read_text().splitlines()) - 1
    edit(luna / ANNOTATIONS, lambda r: r[1:])
    assert luna16(luna, tmp_path / "no", "--strict").exit_code == 1
    assert not (tmp_path / "no").exists()
    done = luna16(luna, tmp_path / "cache")
    assert done.exit_code == 1
    (row,) = problems(tmp_path / "cache")
    assert (row["kind"], row["row"]) == ("table-form", "1")
    assert sum(len(s.nodules) for s in read_data_dir(tmp_path / "cache")) == rows


def test_decimal_commas_between_commas_are_refused(luna: Path, tmp_path: Path) -> None:
    edit(luna / ANNOTATIONS, lambda r: [r[0], *([c.replace(".", ",") if k else c
         for k, c in enumerate(row)] for row in r[1:])])  # fmt: skip
    done = luna16(luna, tmp_path / "cache")
    assert done.exit_code == 1
    assert "[input-not-readable]" in done.output
    assert "cells where there should be 5" in done.output
    assert not (tmp_path / "cache").exists()


def test_a_folder_without_scans_is_refused(luna: Path, tmp_path: Path) -> None:
    for folder in luna.glob("subset*"):
        shutil.rmtree(folder)
    done = luna16(luna, tmp_path / "cache")
    assert done.exit_code == 1
    assert "[no-images]" in done.output
    assert "of 3 series with" in done.output
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = luna16(tmp_path / "nothing", tmp_path / "cache")
    assert done.exit_code == 1
    assert "[input-not-found]" in done.output
