"""The surroundings of a point in another scan, where the scans end as well."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nodulus.app.followup.local_match import local_match
from nodulus.app.followup.register import RegisteredScan, Registration
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion

SHIFT_MM = (3.0, -4.0, 2.0)


@pytest.fixture(scope="module")
def body():
    """Soft tissue with vessels and holes, shape (z, y, x), of 1 mm."""
    noise = np.random.default_rng(8).standard_normal((150, 120, 120))
    smooth = ndimage.gaussian_filter(noise, 3.0)
    return (-500.0 + 300.0 * smooth / smooth.std()).astype(np.float32)


def scan(hu, start_z=0.0):
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[::-1]  # array axes are z, y, x
    affine[2, 3] = start_z
    geometry = Geometry(hu.shape, affine)
    nothing = np.zeros(hu.shape, dtype=np.uint8)
    lungs = LungRegion(nothing > 0, nothing, geometry, touches_ends=(True, True))
    return RegisteredScan(hu, geometry, lungs)


def displaced(body):
    """The same body, moved by SHIFT_MM in x, y, z."""
    return np.roll(body, tuple(int(one) for one in SHIFT_MM[::-1]), axis=(0, 1, 2))


@pytest.mark.parametrize("z", [12.0, 25.0, 75.0, 130.0, 143.0])
def test_a_place_is_found_up_to_the_ends_of_both_scans(body, z):
    current, prior = scan(body[5:148], 5.0), scan(displaced(body)[8:146], 8.0)
    match = local_match(prior, current, Registration(np.eye(4), 1.0), (60.0, 60.0, z))
    assert match.accepted
    assert match.prior_lps_mm == pytest.approx((63.0, 56.0, z + 2.0))


def test_what_the_other_scan_does_not_hold_stays_where_it_is(body):
    current, prior = scan(body), scan(displaced(body)[:40])
    match = local_match(prior, current, Registration(np.eye(4), 1.0), (60.0, 60.0, 120.0))
    assert not match.accepted
    assert match.prior_lps_mm == pytest.approx((60.0, 60.0, 120.0))
