"""A study's voxels as the page loads them, NIfTI one after the other from small to whole."""

from __future__ import annotations

from typing import Literal

from nodulus.app.results.nifti import encode_nifti
from nodulus.app.review.images import StudyImages
from nodulus.app.review.preview import int16_hu

VolumeName = Literal["preview", "lungs", "ct"]

_LUNGS_MARGIN_MM = 20.0


def encode_volume(images: StudyImages, name: VolumeName) -> bytes:
    """Give the bytes of a ``.nii.gz`` file in int16 HU, with an affine of its own.

    Args:
        images: of the study.
        name: ``preview``, means of blocks of about 4 mm; ``lungs``, the lungs' box at full
            resolution (all, where no lungs are found); ``ct``, everything.
    """
    volume = images.volume
    if name == "preview":
        return images.preview
    if name == "ct":
        return encode_nifti(int16_hu(volume.hu), volume.geometry)
    box = images.lungs.box(volume.geometry, _LUNGS_MARGIN_MM)
    part = volume.hu[box]
    geometry = volume.geometry.cropped([s.start for s in box], part.shape)
    return encode_nifti(int16_hu(part), geometry)
