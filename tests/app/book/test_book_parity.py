"""The authors' own checkpoints and what they give."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from nodulus.app.book import import_checkpoints
from nodulus.app.chain import Models, ScanViews, load_models, load_settings
from nodulus.app.chain.score_candidates import score_candidates
from nodulus.app.reading import load_volume

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def book(shared_data: Path) -> Path:
    folder = shared_data / "dlwpt"
    if not (folder / "parity.npz").is_file():
        pytest.skip(f"needs the checkpoints of 'Deep Learning with PyTorch' in {folder}")
    return folder


@pytest.fixture(scope="module")
def folder(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("dlwpt") / "models"
    (segmentation,), (nodule,) = book.glob("seg_*.state"), book.glob("cls_*.state")
    import_checkpoints(segmentation, nodule, None, output)
    return output


@pytest.fixture(scope="module")
def models(folder: Path) -> Models:
    return load_models(folder, "cpu")


def test_the_outputs_are_the_books(book: Path, models: Models) -> None:
    with np.load(book / "parity.npz") as stored, torch.inference_mode():
        slices = torch.from_numpy(stored["seg_input"])[None].float()
        probability = torch.sigmoid(models.segmentation.network(slices))[0, 0].numpy()
        assert probability == pytest.approx(stored["seg_probability"], abs=1e-4)
        crops = torch.from_numpy(stored["cls_input"])[:, None].float()
        logits = models.nodule.network(crops).numpy()
        assert logits == pytest.approx(stored["cls_logits"], abs=1e-4)


@pytest.mark.slow
def test_the_books_chain_finds_what_it_found(book: Path, folder: Path, models: Models) -> None:
    expected = json.loads((book / "expected_C3N-00247.json").read_text())
    volume = load_volume(book.parent / "ct" / "C3N-00247")
    settings = load_settings(folder / "book")
    found = score_candidates(ScanViews(volume, None, 0.0), models, settings)
    # A voxel whose probability is all but the threshold may fall to either side elsewhere.
    assert len(found.candidates) == pytest.approx(expected["components_after_erosion"], abs=3)
    marks = int((found.nodule >= settings.operating_points.nodule.threshold).sum())
    assert marks == expected["marks_with_nodule_probability_over_0.5"]
    centers = np.array([c.center_mm for c in found.candidates])
    for mark in expected["highest_marks"]:
        distance = np.linalg.norm(centers - mark["lps_mm"], axis=1)
        nearest = int(distance.argmin())
        assert distance[nearest] < 0.2
        assert found.classifier[nearest] == pytest.approx(mark["nodule_probability"], abs=1e-3)
