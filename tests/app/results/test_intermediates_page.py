"""The page of the intermediate results."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from nodulus.app.explanation import CandidateCrops, Crop
from nodulus.app.results.candidate_pictures import CROP_PIXELS, crop_pictures
from nodulus.app.results.intermediate_pictures import lung_pictures, probability_pictures
from nodulus.app.results.intermediates import Intermediates
from nodulus.app.results.intermediates_page import MOST_DROPPED, build_intermediates_page
from nodulus.transforms.geometry import Geometry

from .synthetic import PATIENT_ID, PATIENT_NAME, result_for, two_labels, write_series


def crop(center_lps_mm, window_hu: tuple[float, float] = (-1000.0, 400.0)) -> Crop:
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    affine[:3, 3] = np.asarray(center_lps_mm) - affine[:3, :3] @ (16, 16, 16)
    values = np.zeros((32, 32, 32), np.float32)
    values[4:10, 20:26, 14:18] = 1.0  # to the left and the front of the middle
    return Crop(values, Geometry(values.shape, affine), window_hu, (0.0, 1.0))


def test_a_crop_is_shown_as_the_radiologist_sees_it() -> None:
    axial, coronal, _ = crop_pictures(crop((10.0, 20.0, 30.0)), "nodule")
    y, x = np.nonzero(np.asarray(axial.base) > 128)
    assert x.mean() > CROP_PIXELS * 0.6  # the patient's left is on the image's right
    assert y.mean() < CROP_PIXELS * 0.4  # the front is up
    assert not (np.asarray(coronal.base) > 128).any()  # the middle plane misses it
    assert "nodule classifier" in axial.alt


def test_every_step_is_on_the_page_in_the_chain_s_order(tmp_path: Path) -> None:
    volume, labels = write_series(tmp_path), two_labels()
    result = result_for(volume, labels)
    dropped = result.candidates[-1]
    many = (*result.candidates, *[dropped] * MOST_DROPPED)
    probability = np.where(labels > 0, 0.75, 0.0).astype(np.float32)
    crops = tuple(
        CandidateCrops(crop(c.center_lps_mm), crop(c.center_lps_mm, window))
        for c, window in zip(many[:2], ((-1000.0, 400.0), (-1000.0, 1000.0)), strict=True)
    )
    kept = Intermediates(
        volume.hu < -500, volume.geometry, probability, volume.geometry, many, crops
    )
    rows = [
        ("Lungs", lung_pictures(volume, kept)),
        ("Probability", probability_pictures(volume, kept)),
    ]
    html = build_intermediates_page(volume, kept, result, rows)
    titles = re.findall(r"<h2>(\d)", html)
    assert titles == ["1", "2", "3", "4", "5"]
    assert len(re.findall(r'class="candidate kept"', html)) == 2
    assert len(re.findall(r'class="candidate dropped"', html)) == MOST_DROPPED
    assert "1 more dropped candidate:" in html
    assert "Smaller than &lt;b&gt;3 mm&lt;/b&gt;." in html
    # One saw the same voxels twice, the other in another window.
    assert html.count("saw the same voxels") == 1
    assert html.count("<figcaption>Malignancy classifier") == 3
    assert html.count("<figcaption>Nodule classifier") == 6
    assert not re.search(r"(src|href)=\"(?!data:|#)", html)
    for secret in (PATIENT_NAME, PATIENT_ID):
        assert secret not in html
