"""The 2D part of the nodule classifier learns from single slices."""

from __future__ import annotations

import logging
from collections import Counter

import numpy as np
import pytest
import torch

from nodulus.bundles.common.patient_record import record_of_weights
from nodulus.bundles.common.patient_roles import Role
from nodulus.bundles.common.slices.slice_batches import SliceBatches
from nodulus.bundles.common.slices.slice_items import (
    EDGE,
    UNKNOWN_MM,
    candidate_patches,
    cut_out_nodules,
    joined,
    rated_slices,
)
from nodulus.bundles.common.slices.train_slices import judged, main, network, train

TRAINING, VALIDATION, RESERVED = "LIDC-IDRI-0001", "LIDC-IDRI-0101", "LIDC-IDRI-0003"


def ball(edge: int, row: float, column: float) -> np.ndarray:
    rows, columns = np.mgrid[:edge, :edge]
    disk = (rows - row) ** 2 + (columns - column) ** 2 < 25
    return np.where(disk, 0, -850).astype(np.int16)


@pytest.fixture
def archives(tmp_path):
    n = 12
    hu = np.stack([ball(71, 40, 30)] * n)
    ratings = np.full((n, 4, 9), np.nan)
    ratings[:, 0] = 5
    ratings[0, 0, 7] = 1
    np.savez(
        tmp_path / "slices.npz",
        hu=hu,
        mask=(hu > -500).astype(np.uint8),
        patient=np.array([TRAINING] * (n - 2) + [VALIDATION, RESERVED]),
        pixel_spacing=np.full(n, 0.7),
        ratings_4x9=ratings,
        intercept_ok=np.arange(n) != 1,
    )
    uids = ("1.2.840.9", "1.2.840.10")
    patch = np.stack([np.full((50, 50), 30, np.uint8)] * n)
    np.savez(
        tmp_path / "patches.npz",
        patch=patch,
        label=np.arange(n) % 2,
        first_series=np.zeros(n, np.int16),
        last_series=np.arange(n) // 6,
    )
    (tmp_path / "seriesuids.csv").write_text("seriesuid\n" + "\n".join(uids) + "\n")
    return tmp_path


@pytest.fixture
def scans(monkeypatch):
    """The sorted list of series is 1.2.840.10 of one patient, 1.2.840.9 of another."""
    from types import SimpleNamespace

    known = {
        "1.2.840.10": SimpleNamespace(patient_id=TRAINING),
        "1.2.840.9": SimpleNamespace(patient_id=RESERVED),
    }
    monkeypatch.setattr("nodulus.bundles.common.slices.slice_items.read_scans", lambda: known)


def test_slices_lie_around_their_nodule(archives):
    items = rated_slices(archives / "slices.npz")
    assert len(items) == 11  # one is of unsure values
    assert items.hu.shape == (11, EDGE, EDGE)
    np.testing.assert_allclose(items.center[0], (30 - 35, 40 - 35), atol=0.1)
    assert items.texture[0] == 1
    assert items.of_role(Role.TRAINING).counted() == Counter({("slice", True): 9})
    assert len(items.of_role(Role.TRAINING, [TRAINING])) == 0


def test_a_patch_that_may_be_of_a_reserved_patient_is_left_out(archives, scans):
    items = candidate_patches(archives / "patches.npz", archives / "seriesuids.csv")
    assert items.patients[0] == {TRAINING}
    assert items.patients[11] == {TRAINING, RESERVED}
    assert len(items.of_role(Role.TRAINING)) == 6
    assert set(items.pixel_mm.tolist()) == {UNKNOWN_MM}
    assert items.hu[0, 36, 36] == pytest.approx(30 / 255 * 1400 - 1000, abs=1)


def test_cut_outs_give_more_slices_where_they_are_thin(tmp_path):
    np.savez(
        tmp_path / "cubes.npz",
        hu=np.zeros((2, 8, 48, 48), np.int16),
        spacing_zyx=np.array([[1.0, 0.6, 0.6], [2.5, 0.7, 0.7]]),
        patient=np.array([TRAINING, TRAINING]),
    )
    assert cut_out_nodules(tmp_path / "cubes.npz").pixel_mm.tolist() == [0.6, 0.6, 0.6, 0.7]


def test_batches_are_half_nodules_and_the_same_again(archives, scans):
    items = joined(
        [
            rated_slices(archives / "slices.npz"),
            candidate_patches(archives / "patches.npz", archives / "seriesuids.csv"),
        ]
    )
    images, truth = SliceBatches(items, 32, seed=1).draw(16)
    assert images.shape == (16, 1, 32, 32)
    assert truth.tolist() == [0.0, 1.0] * 8
    assert images.min() >= 0
    assert images.max() <= 1
    again, _ = SliceBatches(items, 32, seed=1).draw(16)
    assert torch.equal(images, again)
    other, _ = SliceBatches(items, 32, seed=2).draw(16)
    assert not torch.equal(images, other)
    faint = items.texture == 1
    solid = (items.texture == 5) & (items.source == "slice")
    chances = SliceBatches(items, 32, seed=1).chances[1]
    assert chances[faint][0] == pytest.approx(3 * chances[solid][0])
    with pytest.raises(ValueError, match="other things"):
        SliceBatches(items.chosen(items.nodule), 32, seed=1)


def test_it_learns_what_a_nodule_is(archives, scans):
    items = joined(
        [
            rated_slices(archives / "slices.npz"),
            candidate_patches(archives / "patches.npz", archives / "seriesuids.csv"),
        ]
    )
    items = items.chosen(~(items.nodule & (items.source == "patch")))
    torch.manual_seed(0)
    made = train(network(None), items, 30, batch=16, autocast=False)
    found = judged(made, items)
    assert found[items.nodule].min() > found[~items.nodule].max()


def test_the_command_changes_the_2d_part_alone_and_says_whom_it_learnt_from(
    archives, scans, tmp_path, caplog
):
    start = tmp_path / "start.pt"
    torch.manual_seed(1)
    before = network(None).state_dict()
    torch.save(before, start)
    with caplog.at_level(logging.INFO):
        main(
            [
                *("--slices", str(archives / "slices.npz")),
                *("--patches", str(archives / "patches.npz")),
                *("--series-list", str(archives / "seriesuids.csv")),
                *("--weights", str(start), "--steps", "2", "-o", str(tmp_path / "model.pt")),
            ]
        )
    after = torch.load(tmp_path / "model.pt", weights_only=True)
    assert set(after) == set(before)
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed
    assert all(name.startswith("slices.") for name in changed)
    record = record_of_weights(tmp_path / "model.pt")
    assert record is not None
    assert list(record.patients) == [TRAINING]
