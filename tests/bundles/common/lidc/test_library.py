"""The library of nodule forms: which patients' are used where."""

import pytest

from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.data.tables import Nodule
from nodulus.bundles.common.lidc.database import read_annotations
from nodulus.bundles.common.lidc.library import ShapeLibrary, shape_patients
from nodulus.bundles.common.lidc.pools import Pool, pool_of
from tests.lidc_shapes import needs_lidc_shapes

pytestmark = needs_lidc_shapes


def patients(library):
    return {name.split("/")[0] for name in library}


@pytest.fixture(scope="module")
def library():
    return ShapeLibrary("training")


def test_only_shapes_of_the_pool(library):
    assert {pool_of(patient) for patient in patients(library)} == {Pool.TRAINING}
    assert not patients(library) & patients(ShapeLibrary("validation"))


def test_patients_are_left_out(library):
    first = sorted(patients(library))[:3]
    fewer = ShapeLibrary("training", without=first)
    assert patients(fewer) == patients(library) - set(first)
    with pytest.raises(ValueError, match="no nodule shape is left"):
        ShapeLibrary("training", without=patients(library))


def test_patients_of_phantoms_and_of_scans():
    scan = next(a.scan for a in read_annotations() if a.scan.patient_id == "LIDC-IDRI-0003")
    point = (0.0, 0.0, 0.0)
    nodules = (Nodule("1.2", point, 5.0, lidc_patient="LIDC-IDRI-0001"), Nodule("1.2", point, 5.0))
    phantom = Study("1.2", "P", None, None, nodules)
    real = Study(scan.series_uid, "token", None, None)
    other = Study("1.3", "Q", None, None)
    assert shape_patients([phantom, real, other]) == {"LIDC-IDRI-0001", "LIDC-IDRI-0003"}
    assert shape_patients([other]) == frozenset()


def test_a_shape_is_built_once(library):
    name = next(iter(library))
    assert library[name] is library[name]
    assert library[name].id == name
    with pytest.raises(KeyError):
        library["LIDC-IDRI-9999/1"]


def test_weights_favour_no_size(library):
    weights = dict(zip(library, library.weights(), strict=True))
    assert len(weights) == len(library)
    shapes = {name: library._references[name] for name in library}
    for low, high in ((3.5, 5.0), (5.0, 6.0), (6.0, 8.0), (8.0, 12.0), (12.0, 25.0)):
        group = [n for n, s in shapes.items() if low <= s.diameter_mm < high]
        assert sum(weights[n] for n in group) == pytest.approx(1.0)
        solid = [n for n in group if shapes[n].ratings.texture > 4]
        assert sum(weights[n] for n in solid) == pytest.approx(0.7)
