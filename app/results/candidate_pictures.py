"""Pictures of one candidate: what the segmentation marked, and what the classifiers saw."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import measure

from nodulus.app.explanation import Crop
from nodulus.app.result import CandidateRecord
from nodulus.app.results.colors import Rgb
from nodulus.app.results.drawing import Overlay
from nodulus.app.results.pictures import Picture, lung_window
from nodulus.app.results.viewframe import AnatomicalPlane, ViewFrame
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.hounsfield import AIR_HU

FIELD_MM = 48.0
CLOSE_UP_PIXELS = 160
CROP_PIXELS = 128


def probability_close_up(
    volume: CtVolume,
    probability: NDArray[np.float32],
    geometry: Geometry,
    candidate: CandidateRecord,
    threshold: float,
    rgb: Rgb,
) -> Picture:
    """Give an axial close-up with the probability map and its outline at the threshold.

    Args:
        volume: the CT.
        probability: on ``geometry``, 0 to 1.
        geometry: the probability map's.
        candidate: in the picture's middle.
        threshold: a voxel belongs to a candidate at or above it.
        rgb: of the outline.
    """
    frame = ViewFrame(
        AnatomicalPlane.AXIAL,
        candidate.center_lps_mm,
        FIELD_MM / CLOSE_UP_PIXELS,
        CLOSE_UP_PIXELS,
        CLOSE_UP_PIXELS,
    )
    grey = lung_window(frame.sample(volume.hu, volume.geometry, outside=AIR_HU))
    cut = frame.sample(probability, geometry)
    marks = Overlay(frame)
    for line in measure.find_contours(np.pad(cut, 1), threshold):
        marks.line(line[:, ::-1] - 1.0, rgb)
    marks.letters()
    marks.scale_bar(10.0)
    return Picture(
        tinted_by_probability(np.asarray(grey, np.float32), cut),
        marks.image,
        None,
        "Axial close-up with the nodule probability of each voxel and its outline.",
        "Segmentation",
    )


def crop_pictures(crop: Crop, classifier: str) -> tuple[Picture, ...]:
    """Give three planes through the middle of what a classifier saw, voxel by voxel.

    Args:
        crop: as the network was given it, in its own window.
        classifier: its name, for the alternative text.
    """
    first, last = crop.input_range
    grey = (crop.values - first) / (last - first)
    shape = np.asarray(crop.values.shape)
    extent_mm = float((shape * crop.geometry.spacing_irc_mm).max())
    x, y, z = (float(v) for v in crop.geometry.index_to_lps((shape - 1) / 2))
    pictures = []
    for plane in AnatomicalPlane:
        frame = ViewFrame(plane, (x, y, z), extent_mm / CROP_PIXELS, CROP_PIXELS, CROP_PIXELS)
        cut = frame.sample(grey, crop.geometry, order=0)
        marks = Overlay(frame)
        marks.letters()
        pictures.append(
            Picture(
                Image.fromarray(np.round(np.clip(cut, 0, 1) * 255).astype(np.uint8)),
                marks.image,
                None,
                f"{plane.value.capitalize()} plane of what the {classifier} classifier saw.",
                f"{classifier.capitalize()} classifier, {plane.value}",
            )
        )
    return tuple(pictures)


def tinted_by_probability(grey: NDArray[np.float32], probability: NDArray[Any]) -> Image.Image:
    """Colour a probability, dark red to yellow, over grey values 0 to 255."""
    heat = np.clip(probability, 0.0, 1.0)
    color = np.stack([140 + 115 * heat, 30 + 190 * heat**1.5, 30 + 60 * heat**3], axis=-1)
    share = (0.4 * np.sqrt(heat))[..., np.newaxis]
    mixed = grey[..., np.newaxis] * (1 - share) + color * share
    return Image.fromarray(np.clip(np.round(mixed), 0, 255).astype(np.uint8))
