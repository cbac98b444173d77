"""A training cache and the folder that it was made of say the same."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from nodulus.app.data.eda.scan_facts import scan_facts
from nodulus.app.data.eda.scan_image import read_scan_image
from nodulus.app.data.eda.survey import inspect_study
from nodulus.app.data.eda.suspicions import SuspicionKind
from nodulus.app.data.prepare.training_scan import LoadedScan, TrainingScan
from nodulus.app.data.prepare.write_cache import prepare_scans
from nodulus.bundles.common.data.studies import Study, read_data_dir


def _load(study: Study) -> LoadedScan:
    image = read_scan_image(study, with_lungs=False)
    return LoadedScan(image.hu, image.geometry, image.labels)


@pytest.fixture(scope="module")
def folder(fake_data: Path) -> list[Study]:
    return read_data_dir(fake_data)[:2]


@pytest.fixture
def cache(folder: list[Study], tmp_path: Path) -> list[Study]:
    scans = [
        TrainingScan(s.series_uid, s.patient_id, partial(_load, s), (s.image,), nodules=s.nodules)
        for s in folder
    ]
    prepare_scans(scans, tmp_path / "cache")
    return read_data_dir(tmp_path / "cache")


def test_cache_and_folder_agree(folder, cache):
    for one, two in zip(folder, cache, strict=True):
        assert two.prepared is not None
        here, there = (scan_facts(s, read_scan_image(s)) for s in (one, two))
        assert there.spacing_mm == pytest.approx((1.0, 1.0, 1.0))
        assert there.volumes.lungs == pytest.approx(here.volumes.lungs, rel=0.05)
        assert there.volumes.nodules == pytest.approx(here.volumes.nodules, rel=0.05)
        assert there.volumes.image < here.volumes.image  # cropped to the lungs
        assert there.hu.lungs_median == pytest.approx(here.hu.lungs_median, abs=25)
        for a, b in zip(here.nodules, there.nodules, strict=True):
            assert (a.side, a.in_lungs) == (b.side, b.in_lungs)
            assert a.position == pytest.approx(b.position, abs=0.03)
            assert a.core_hu == pytest.approx(b.core_hu, abs=15)
        assert np.abs(here.projections - there.projections).mean() < 0.03


def test_a_prepared_file_that_is_gone_or_broken(cache):
    first, second = cache
    first.prepared.path.unlink()
    second.prepared.path.write_bytes(b"no tensor")
    for study, words in ((first, "no such file"), (second, "not a prepared scan")):
        facts, (case,) = inspect_study(study)
        assert facts is None
        assert case.kind is SuspicionKind.IMAGE_BROKEN
        assert words in case.message
        assert "nodulus prepare" in case.message


def test_a_mask_of_another_grid(folder, tmp_path):
    image = SimpleITK.ReadImage(str(folder[0].mask))
    image.SetOrigin((0.0, 0.0, 0.0))
    SimpleITK.WriteImage(image, str(tmp_path / "moved.nii.gz"))
    with pytest.raises(ValueError, match=r"moved\.nii\.gz"):
        read_scan_image(replace(folder[0], mask=tmp_path / "moved.nii.gz"))
