"""Pictures of the lungs that were searched and of the probability map."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nodulus.app.results.colors import Rgb
from nodulus.app.results.drawing import Overlay
from nodulus.app.results.intermediates import Intermediates
from nodulus.app.results.pictures import OVERVIEW_PIXELS, Picture, plane_picture
from nodulus.app.results.viewframe import AnatomicalPlane, ViewFrame, whole_frame
from nodulus.app.volume import CtVolume
from nodulus.transforms.hounsfield import AIR_HU

LUNG_RGB: Rgb = (70, 190, 255)
KEPT_RGB: Rgb = (70, 190, 255)
DROPPED_RGB: Rgb = (190, 190, 190)
_FLOOR = 0.02
"""Probabilities under this are not shown."""


def lung_pictures(volume: CtVolume, intermediates: Intermediates) -> tuple[Picture, ...]:
    """Give three planes through the middle of the lungs with their outline."""
    lungs, geometry = intermediates.lungs, intermediates.lungs_geometry
    center = geometry.index_to_lps(_middle(lungs))
    return tuple(
        plane_picture(
            volume,
            plane,
            center,
            lungs,
            geometry,
            LUNG_RGB,
            f"{plane.value.capitalize()} plane with the outline of the lungs that were searched.",
        )
        for plane in AnatomicalPlane
    )


def probability_pictures(volume: CtVolume, intermediates: Intermediates) -> tuple[Picture, ...]:
    """Give the probability map's maximum along three directions, with the candidates on it."""
    probability = intermediates.probability
    index = np.argwhere(probability > _FLOOR)
    values = probability[tuple(index.T)].astype(np.float32)
    geometry = intermediates.probability_geometry
    points_lps = geometry.index_to_lps(index)
    voxel_mm = max(geometry.spacing_irc_mm)
    pictures = []
    for plane in AnatomicalPlane:
        center = volume.geometry.index_to_lps((np.array(volume.hu.shape) - 1) / 2)
        frame = whole_frame(plane, volume.geometry, center, longest_side=OVERVIEW_PIXELS)
        heat = _projection(frame, points_lps, values, voxel_mm)
        marks = Overlay(frame)
        for candidate in intermediates.candidates:
            where = frame.to_pixels(candidate.center_lps_mm)[:2]
            rgb = KEPT_RGB if candidate.kept else DROPPED_RGB
            marks.dot(where, 5.0, rgb, filled=False)
            if candidate.finding_id is not None:
                marks.label(where + np.array([7.0, 0.0]), str(candidate.finding_id), rgb)
        marks.letters()
        marks.scale_bar(50.0)
        base = _heat_over(_mean_projection(frame, volume), heat)
        alt = (
            f"{plane.value.capitalize()} projection of the highest nodule probability along the "
            f"line of sight, with {len(intermediates.candidates)} candidates circled."
        )
        pictures.append(Picture(base, marks.image, None, alt, plane.value.capitalize()))
    return tuple(pictures)


def _middle(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The middle of a mask's bounding box, or of the grid when it is empty."""
    middle = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        touched = np.flatnonzero(mask.any(axis=others))
        low, high = (touched[0], touched[-1]) if touched.size else (0, mask.shape[axis] - 1)
        middle.append((low + high) / 2)
    return np.array(middle)


def _projection(
    frame: ViewFrame, points_lps: Any, values: NDArray[np.float32], voxel_mm: float
) -> NDArray[np.float32]:
    """Maximum of point values on the picture's pixels; each point is as wide as a voxel."""
    coarse_mm = max(frame.pixel_mm, voxel_mm)
    scale = frame.pixel_mm / coarse_mm
    shape = (int(np.ceil(frame.height * scale)) + 1, int(np.ceil(frame.width * scale)) + 1)
    heat = np.zeros(shape, dtype=np.float32)
    place = np.floor((frame.to_pixels(points_lps)[:, :2] + 0.5) * scale).astype(int)
    inside = np.all((place >= 0) & (place < shape[::-1]), axis=1)
    np.maximum.at(heat, (place[inside, 1], place[inside, 0]), values[inside])
    rows = np.minimum((np.arange(frame.height) * scale).astype(int), shape[0] - 1)
    columns = np.minimum((np.arange(frame.width) * scale).astype(int), shape[1] - 1)
    return heat[np.ix_(rows, columns)]


def _mean_projection(frame: ViewFrame, volume: CtVolume, step_mm: float = 10.0) -> Any:
    """The mean of the CT along the line of sight, like a radiograph, shape (height, width)."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in volume.hu.shape])).reshape(3, -1).T
    depth = frame.to_pixels(volume.geometry.index_to_lps(corners))[:, 2] * frame.pixel_mm
    depths = np.arange(depth.min() + step_mm / 2, depth.max(), step_mm)
    total = np.zeros((frame.height, frame.width), dtype=np.float32)
    for at in depths:
        cut = frame.sample(volume.hu, volume.geometry, order=0, outside=AIR_HU, depth_mm=float(at))
        total += np.clip(cut, AIR_HU, 400.0)
    return total / max(1, len(depths))


def _heat_over(mean_hu: NDArray[np.float32], heat: NDArray[np.float32]) -> Image.Image:
    """Colour the probability (dark red to yellow) over a faint grey projection."""
    low, high = np.percentile(mean_hu, [2, 99.5])
    grey = np.clip((mean_hu - low) / max(float(high - low), 1.0), 0.0, 1.0) * 110.0
    color = np.stack([140 + 115 * heat, 30 + 190 * heat**1.5, 30 + 60 * heat**3], axis=-1)
    share = np.clip(heat * 1.5 + 0.25, 0.0, 1.0) * (heat > _FLOOR)
    mixed = grey[..., np.newaxis] * (1 - share[..., np.newaxis]) + color * share[..., np.newaxis]
    return Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8))
