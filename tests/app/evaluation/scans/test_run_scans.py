"""Scans are analysed once; results that are whole are kept."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel
import numpy as np
import pytest

from nodulus.app.chain.models import Models
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.evaluation.match_results import read_results
from nodulus.app.evaluation.scans import run_scans as module
from nodulus.app.evaluation.scans.run_scans import ScanResult, run_scans
from nodulus.app.reading import find_studies
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import LPS_TO_RAS
from tests.app.synthetic_chest import NODULES_LPS, RADIUS


def write_nifti(path: Path, array: np.ndarray, volume: CtVolume) -> None:
    affine_ras = LPS_TO_RAS @ volume.geometry.affine_lps[:, [2, 1, 0, 3]]
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array.transpose(2, 1, 0), affine_ras), path)


@pytest.fixture(scope="module")
def folder(volume: CtVolume, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scans")
    write_nifti(root / "scans" / "chest.nii", volume.hu, volume)
    write_nifti(root / "scans" / "empty.nii", np.full_like(volume.hu, -1000), volume)
    shape = volume.geometry.shape_irc
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    points = volume.geometry.index_to_lps(index)
    mask = np.zeros(shape, np.uint8)
    mask[np.linalg.norm(points - NODULES_LPS["big"], axis=-1) <= RADIUS["big"]] = 3
    write_nifti(root / "masks" / "chest.nii.gz", mask, volume)
    return root


def run(
    folder: Path, output: Path, models: Models, settings: ChainSettings
) -> list[ScanResult | NodulusError]:
    discovery = find_studies(folder / "scans")
    return list(run_scans(discovery, output, models, settings, folder / "masks"))


def test_scans_are_analysed_once_and_kept(
    folder: Path,
    models: Models,
    chain_settings: ChainSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chest, empty = run(folder, tmp_path, models, chain_settings)
    assert isinstance(chest, ScanResult)
    assert not chest.was_kept
    (outline,) = chest.outlines
    assert outline.label == 3
    assert outline.dice > 0.7
    assert isinstance(empty, NodulusError)
    assert empty.code in {ErrorCode.NO_LUNGS, ErrorCode.NOT_HOUNSFIELD}
    assert [r.series_uid for r in read_results(tmp_path)] == ["chest"]

    def never(*_: object) -> None:
        raise AssertionError("it was analysed again")

    monkeypatch.setattr(module, "analyse", never)
    again, _ = run(folder, tmp_path, models, chain_settings)
    assert isinstance(again, ScanResult)
    assert again.was_kept
    assert (again.result, again.outlines) == (chest.result, chest.outlines)

    other = chain_settings.model_copy(
        update={"pipeline": chain_settings.pipeline.model_copy(update={"max_candidates": 49})}
    )
    with pytest.raises(AssertionError, match="analysed again"):
        run(folder, tmp_path, models, other)
    os.utime(folder / "masks" / "chest.nii.gz", ns=(1, 1))
    with pytest.raises(AssertionError, match="analysed again"):
        run(folder, tmp_path, models, chain_settings)


def test_a_result_that_is_not_whole_is_made_again(
    folder: Path, models: Models, chain_settings: ChainSettings, tmp_path: Path
) -> None:
    run(folder, tmp_path, models, chain_settings)
    (tmp_path / "chest" / "findings.json").write_text("{")
    chest, _ = run(folder, tmp_path, models, chain_settings)
    assert isinstance(chest, ScanResult)
    assert not chest.was_kept
    assert read_results(tmp_path)[0] == chest.result
