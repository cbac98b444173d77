"""The real CTs, against SimpleITK's reader (GDCM)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from nodulus.app.reading import find_studies
from nodulus.transforms.geometry import Geometry

pytestmark = pytest.mark.real_data


@pytest.mark.parametrize(
    "name", ["C3N-00247", pytest.param("RICORD-1A-001012", marks=pytest.mark.slow)]
)
def test_agrees_with_simpleitk(real_ct: Path, name: str) -> None:
    found = find_studies(real_ct / name)
    assert found.problems == ()
    assert len(found.studies) == 1
    volume = found.studies[0].load()
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(real_ct / name)))
    image = reader.Execute()
    other = Geometry.from_itk(
        image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()
    )
    assert volume.geometry.almost_equal(other, tolerance_mm=1e-3)
    theirs = sitk.GetArrayViewFromImage(image)
    header = pydicom.dcmread(next((real_ct / name).iterdir()), stop_before_pixels=True)
    padding = header.get("PixelPaddingValue")
    # GDCM rescales padding like any voxel; here it is air.
    is_padding = np.zeros(theirs.shape, dtype=bool)
    if padding is not None:
        is_padding = theirs == int(padding) + int(header.RescaleIntercept)
    assert np.array_equal(volume.hu[~is_padding], theirs[~is_padding])
    assert (volume.hu[is_padding] == -1024).all()
    assert volume.is_source_grid
    codes = {warning.code for warning in volume.warnings}
    assert codes == ({"sharp-kernel"} if name == "C3N-00247" else set())


def test_facts_of_a_real_series(real_ct: Path) -> None:
    study = find_studies(real_ct / "C3N-00247").studies[0]
    volume = study.load()
    assert volume.facts.convolution_kernel == "B70f"
    assert volume.geometry.spacing_irc_mm == pytest.approx((3.0, 0.564453125, 0.564453125))
    assert len(volume.source_images) == 99
    # The tumour: soft tissue where there would be lung.
    index = np.rint(volume.geometry.lps_to_index([-83.0, -192.0, -195.0])).astype(int)
    box = tuple(slice(k - 2, k + 3) for k in index)
    assert -100 < float(np.mean(volume.hu[box])) < 150
