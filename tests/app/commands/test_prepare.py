"""`nodulus prepare` on small LUNA16 folders that are whole."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np

from nodulus.bundles.common.data.prepared import load_prepared
from nodulus.bundles.common.data.studies import read_data_dir
from nodulus.transforms.patch_sampling import lps_to_voxel
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
