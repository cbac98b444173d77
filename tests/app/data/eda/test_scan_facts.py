"""What is measured of a scan: places of nodules, volumes, levels, checksums, projections."""

from dataclasses import replace

import numpy as np
import pytest

from nodulus.app.data.eda.scan_facts import scan_facts, voxels_sha256
from nodulus.transforms.geometry import Geometry

RIGHT, LEFT = (-40.0, 0.0, 140.0), (44.0, 0.0, 140.0)


def test_places_of_nodules(make_study, make_nodule, make_image):
    right = make_nodule(RIGHT, label=1)
    left = make_nodule(LEFT, 16.0, label=2)
    middle = make_nodule((0.0, 0.0, 140.0), 6.0, label=3)
    facts = scan_facts(make_study(right, left, middle), make_image(right, left, middle))
    one, two, three = facts.nodules
    assert (one.side, two.side, three.side) == ("right", "left", None)
    assert (one.in_lungs, two.in_lungs, three.in_lungs) == (True, True, False)
    assert all(place.inside_volume for place in facts.nodules)
    # the lungs' box: x -60 to 66, y -36 to 34, z 110 to 168
    assert one.position == pytest.approx(((60 - 40) / 126, 36 / 70, 30 / 58))
    assert two.core_hu == pytest.approx(20)
    assert two.label_volume_mm3 == pytest.approx(np.pi / 6 * 16**3, rel=0.1)


def test_a_nodule_outside_the_image(make_study, make_nodule, make_image):
    place = scan_facts(make_study(make_nodule((500.0, 0.0, 0.0))), make_image()).nodules[0]
    assert not place.inside_volume
    assert place.core_hu is None
    assert place.in_lungs is False


def test_volumes_and_levels(make_study, make_nodule, make_image):
    nodule = make_nodule(label=1)
    image = make_image(nodule)
    image.labels[:2, 0, :5] = 255
    facts = scan_facts(make_study(nodule), image)
    assert facts.volumes.image == pytest.approx(40 * 60 * 80 * 8 / 1000)
    assert facts.volumes.lungs == pytest.approx(30 * 36 * (22 + 24) * 8 / 1000)
    assert facts.volumes.ignored == pytest.approx(10 * 8 / 1000)
    assert facts.volumes.nodules == pytest.approx(facts.nodules[0].label_volume_mm3 / 1000)
    assert (facts.hu.lowest, facts.hu.highest) == (-1000, 40)
    assert (facts.hu.lungs_median, facts.hu.tissue_median) == (-850, 40)


def test_the_label_of_a_nodule_that_names_none_is_that_in_its_ball(
    make_study, make_nodule, make_image
):
    image = make_image(make_nodule(label=7))
    known = scan_facts(make_study(make_nodule(label=7)), image).nodules[0].label_volume_mm3
    facts = scan_facts(make_study(make_nodule(), make_nodule(LEFT)), image)
    assert [place.label_volume_mm3 for place in facts.nodules] == [known, 0.0]
    # a nodule that is not in the mask does not make the background a label
    assert facts.volumes.nodules == pytest.approx(known / 1000)
    assert facts.strays == scan_facts(make_study(), make_image()).strays == ()


def test_a_label_without_a_nodule(make_study, make_nodule, make_image):
    listed, other = make_nodule(label=1), make_nodule(LEFT, label=4)
    (stray,) = scan_facts(make_study(listed), make_image(listed, other)).strays
    assert stray.value == 4
    assert stray.center_lps_mm == pytest.approx(LEFT, abs=0.5)


def test_the_checksum_is_of_the_values(make_image):
    image = make_image()
    assert voxels_sha256(image.hu) == voxels_sha256(image.hu.astype(np.float32))
    other = image.hu.copy()
    other[0, 0, 0] += 1
    assert voxels_sha256(other) != voxels_sha256(image.hu)
    assert voxels_sha256(image.hu.reshape(80, 60, 40)) != voxels_sha256(image.hu)


def test_any_order_of_axes_gives_the_same(make_study, make_nodule, make_image):
    nodules = make_nodule(label=1), make_nodule(LEFT, label=2)
    image = make_image(*nodules)

    def turned(array):
        return np.flip(array.transpose(2, 1, 0), axis=1)

    affine = image.geometry.affine_lps[:, [2, 1, 0, 3]].copy()
    affine[:, 3] += affine[:, 1] * 59
    affine[:, 1] *= -1
    geometry = Geometry((80, 60, 40), affine)
    other = replace(
        image,
        hu=turned(image.hu),
        geometry=geometry,
        labels=turned(image.labels),
        lungs=turned(image.lungs),
        lungs_geometry=geometry,
    )
    study = make_study(*nodules)
    one, two = scan_facts(study, image), scan_facts(study, other)
    assert two.volumes == one.volumes
    for a, b in zip(one.nodules, two.nodules, strict=True):
        assert a.position == pytest.approx(b.position)
        assert replace(a, position=None) == replace(b, position=None)
    np.testing.assert_allclose(two.projections, one.projections)


def test_projections_show_two_lungs_the_right_one_on_the_left(make_study, make_image):
    front, feet, side = scan_facts(make_study(), make_image()).projections
    for view in (front, feet):
        columns = view.max(axis=0) > 0
        assert columns[0]
        assert columns[-1]
        assert not columns[14]  # between the lungs, x -16 to 20
        assert view[0, 0] == pytest.approx(1)
    # the share of x -60 to 66 that is one of the two lungs
    assert side == pytest.approx((44 + 48) / 126, abs=0.05)


def test_without_lungs_positions_are_unknown(make_study, make_nodule, make_image):
    nodule = make_nodule(label=1)
    facts = scan_facts(make_study(nodule), make_image(nodule, with_lungs=False))
    place = facts.nodules[0]
    assert (place.in_lungs, place.side, place.position) == (None, None, None)
    assert facts.projections is None
    assert facts.volumes.lungs == 0
