"""Nodules inserted in lungs: where, at what density, and what is recorded."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from nodulus.transforms.geometry import Geometry
from nodulus.transforms.insertion.nodule_insertion import (
    Attachment,
    LungField,
    choose_position,
    insert_nodule,
    insert_nodules,
    random_rotation,
)


@dataclass(frozen=True)
class Ratings:
    texture: float = 5.0
    calcification: float = 6.0
    margin: float = 5.0
    spiculation: float = 1.0
    malignancy: float = 3.0


def ball(radius_mm):
    half = int((radius_mm + 5) / 0.5)
    axis = np.arange(-half, half + 1) * 0.5
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return (np.sqrt(x**2 + y**2 + z**2) - radius_mm).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Shape:
    id: str
    equivalent_diameter_mm: float
    spacing_mm: float = 0.5
    ratings: Ratings = field(default_factory=Ratings)

    @property
    def sdf_mm(self):
        return ball(self.equivalent_diameter_mm / 2)

    @property
    def center_irc(self):
        return tuple((n - 1) / 2 for n in self.sdf_mm.shape)


@pytest.fixture(scope="module")
def chest():
    """A block of lung with one vessel in a wall of tissue, at odd spacing and origin."""
    spacing = (1.5, 1.0, 1.0)
    affine = np.array(
        [[0, 0, spacing[2], 40], [0, spacing[1], 0, -9], [spacing[0], 0, 0, 300], [0, 0, 0, 1.0]]
    )
    geometry = Geometry((60, 96, 96), affine)
    lung = np.zeros(geometry.shape_irc, dtype=bool)
    lung[6:-6, 10:-10, 10:-10] = True
    hu = np.where(lung, -850, 40).astype(np.int16)
    hu[:, 46:51, 46:51] = 40
    return hu, geometry, lung


def test_rotations_are_orthogonal_and_both_hands_occur():
    rng = np.random.default_rng(0)
    matrices = [random_rotation(rng) for _ in range(40)]
    assert all(np.allclose(m @ m.T, np.eye(3)) for m in matrices)
    assert {round(float(np.linalg.det(m))) for m in matrices} == {-1, 1}
    assert all(np.linalg.det(random_rotation(rng, mirror=False)) > 0 for _ in range(10))


@pytest.mark.parametrize("radius_mm", [2.0, 5.0])
def test_each_kind_lies_where_it_should(chest, radius_mm):
    hu, geometry, lung = chest
    border = distance_transform_edt(lung, sampling=geometry.spacing_irc_mm)
    vessel = distance_transform_edt(~(lung & (hu > 0)), sampling=geometry.spacing_irc_mm)
    lungs = LungField.of(lung, geometry, hu)
    rng = np.random.default_rng(1)
    for _ in range(20):
        places = {kind: choose_position(lungs, radius_mm, kind, rng) for kind in Attachment}
        at = {
            kind: tuple(np.round(geometry.lps_to_index(p)).astype(int))
            for kind, p in places.items()
        }
        assert border[at[Attachment.FREE]] > radius_mm
        assert vessel[at[Attachment.FREE]] > radius_mm - 1
        assert vessel[at[Attachment.VESSEL]] < 0.8 * radius_mm + 3.5
        assert abs(border[at[Attachment.PLEURA]] - 0.5 * radius_mm) < 3.0


def test_no_room_gives_none(chest):
    hu, geometry, lung = chest
    lungs = LungField.of(lung, geometry, hu)
    rng = np.random.default_rng(0)
    assert choose_position(lungs, 60.0, Attachment.FREE, rng) is None
    everywhere = [(geometry.index_to_lps([30, 48, 48]), 200.0)]
    assert choose_position(lungs, 3.0, Attachment.FREE, rng, avoid=everywhere) is None


def test_records_agree_with_labels(chest):
    hu, geometry, lung = chest
    shapes = [Shape(f"s{k}", d) for k, d in enumerate((4.0, 6.0, 9.0, 12.0))]
    new, labels, records = insert_nodules(hu, geometry, lung, shapes, np.random.default_rng(2))
    assert new.dtype == hu.dtype
    assert [r.label for r in records] == [1, 2, 3, 4]
    assert {r.shape_id for r in records} == {"s0", "s1", "s2", "s3"}
    for record in records:
        voxels = np.argwhere(labels == record.label)
        centroid = geometry.index_to_lps(voxels.mean(axis=0))
        np.testing.assert_allclose(record.center_lps_mm, centroid, atol=1e-6)
        volume = len(voxels) * geometry.voxel_volume_mm3
        assert record.diameter_mm == pytest.approx((6 * volume / np.pi) ** (1 / 3), rel=0.12)
        assert 0.9 <= record.scale <= 1.1
    changed = new != hu
    assert np.all(new[changed] > -850)
    clearly = (new.astype(int) - hu) > 200
    assert 0.6 < (labels > 0).sum() / clearly.sum() < 1.6


def test_nodules_keep_apart(chest):
    hu, geometry, lung = chest
    shapes = [Shape(f"s{k}", 8.0) for k in range(8)]
    _, _, records = insert_nodules(hu, geometry, lung, shapes, np.random.default_rng(3))
    assert len(records) >= 5
    for a in records:
        for b in records:
            if a.label < b.label:
                gap = np.linalg.norm(np.subtract(a.center_lps_mm, b.center_lps_mm))
                assert gap > 8.0 + 2.0


def test_nodules_at_the_pleura_stay_out_of_the_wall(chest):
    hu, geometry, lung = chest
    shapes = [Shape(f"s{k}", 9.0) for k in range(3)]
    new, labels, records = insert_nodules(
        hu, geometry, lung, shapes, np.random.default_rng(4), attachment_shares=(0, 0, 1)
    )
    assert {r.attachment for r in records} == {Attachment.PLEURA}
    assert not np.any(labels[~lung])
    np.testing.assert_array_equal(new[hu == 40] >= 40, True)
    border = distance_transform_edt(lung, sampling=geometry.spacing_irc_mm)
    for record in records:
        assert border[labels == record.label].min() <= 1.5


def test_the_same_seed_gives_the_same_volume(chest):
    hu, geometry, lung = chest
    runs = [
        insert_nodules(hu, geometry, lung, [Shape("s", 7.0)], np.random.default_rng(9))
        for _ in range(2)
    ]
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    assert runs[0][2] == runs[1][2]


def test_bad_arguments_are_named(chest):
    hu, geometry, lung = chest
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="empty"):
        insert_nodules(hu, geometry, np.zeros_like(lung), [], rng)
    with pytest.raises(ValueError, match="255"):
        insert_nodules(hu, geometry, lung, [Shape("s", 5.0)] * 256, rng)
    with pytest.raises(ValueError, match="one shape"):
        insert_nodules(hu[1:], geometry, lung, [], rng)


@pytest.mark.parametrize("hilum", [False, True])
def test_a_nodule_whose_centre_would_lie_outside_the_lung_is_not_inserted(chest, hilum):
    hu, geometry, lung = chest
    center = geometry.index_to_lps([30, 70, 30])
    if hilum:  # a knob of tissue: of a nodule around it only a shell would lie in the lung
        lung = lung.copy()
        lung[26:35, 64:77, 24:37] = False
    volume, labels = hu.copy(), np.zeros(hu.shape, dtype=np.uint8)
    record = insert_nodule(
        volume,
        labels,
        geometry,
        lung,
        Shape("around", 20.0),
        center,
        rng=np.random.default_rng(0),
        label=1,
        attachment=Attachment.PLEURA,
        rotation=np.eye(3),
    )
    assert (record is None) is hilum
    assert np.array_equal(volume, hu) is hilum
    assert bool(labels.any()) is not hilum
