"""Pictures of what a classifier's answer rests on: falls of its probability over the CT."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import measure

from nodulus.app.explanation import Sensitivity
from nodulus.app.result import Explanation
from nodulus.app.results.colors import Rgb
from nodulus.app.results.drawing import Overlay
from nodulus.app.results.pictures import Picture, lung_window
from nodulus.app.results.viewframe import AnatomicalPlane, ViewFrame
from nodulus.app.volume import CtVolume
from nodulus.transforms.hounsfield import AIR_HU

FALL_RGB: Rgb = (255, 170, 0)
"""Where covering lowers the probability: what speaks for it."""
RISE_RGB: Rgb = (80, 150, 255)
"""Where covering raises it. The two stay apart for colour-blind readers."""
LINE_RGB: Rgb = (255, 255, 255)
SMALLEST_SCALE = 0.05
"""Five percentage points: smaller changes are not blown up to full colour."""


def color_scale(sensitivity: Sensitivity) -> float:
    """The change of the probability that gets the full colour, 0 to 1."""
    return max(SMALLEST_SCALE, float(np.abs(sensitivity.fall).max()))


def sensitivity_pictures(
    volume: CtVolume,
    sensitivity: Sensitivity,
    summary: Explanation,
    frames: dict[AnatomicalPlane, ViewFrame],
    outlines: dict[AnatomicalPlane, Overlay],
) -> tuple[Picture, ...]:
    """Give one picture a plane, each as large as the close-up that it lies under.

    Args:
        volume: the CT.
        sensitivity: of a finding and a classifier.
        summary: the same in numbers.
        frames: of the close-ups.
        outlines: of the finding in those.
    """
    scale = color_scale(sensitivity)
    pictures = []
    for plane, frame in frames.items():
        fall = frame.sample(sensitivity.fall, sensitivity.geometry, outside=np.nan)
        base = lung_window(frame.sample(volume.hu, volume.geometry, outside=AIR_HU))
        marks = Overlay(frame)
        if summary.largest_fall > 0:
            padded = np.pad(np.nan_to_num(fall, nan=-1.0), 1, constant_values=-1.0)
            for line in measure.find_contours(padded, summary.largest_fall / 2):
                marks.line(line[:, ::-1] - 1.0, LINE_RGB)
            _mark_largest(marks, frame, summary)
        marks.letters()
        pictures.append(
            Picture(
                _colored(base, fall / scale),
                marks.image,
                outlines[plane].image,
                f"{plane.value.capitalize()} close-up of nodule {sensitivity.finding_id}: where the"
                f" {sensitivity.classifier} probability falls when the place is covered.",
                plane.value.capitalize(),
            )
        )
    return tuple(pictures)


def _mark_largest(marks: Overlay, frame: ViewFrame, summary: Explanation) -> None:
    """A ring and a number at the largest fall, in the pictures that cut the cover there."""
    x, y, depth = frame.to_pixels(summary.largest_fall_lps_mm)
    inside = 0 <= x < frame.width and 0 <= y < frame.height
    if inside and abs(depth) * frame.pixel_mm <= summary.cover_mm / 2:
        radius = 1.2 / frame.pixel_mm
        marks.dot((x, y), radius, LINE_RGB, filled=False)
        # A hyphen: the font that Pillow carries has no minus sign.
        text = f"-{100 * summary.largest_fall:.0f}"
        marks.label(np.array([x + 2 * radius, y]), text, LINE_RGB)


def _colored(base: Image.Image, relative: NDArray[np.float32]) -> Image.Image:
    """Tint a grey picture; ``relative`` runs from -1 (rise) to 1 (fall), NaN outside the crop."""
    grey = np.asarray(base, dtype=np.float32)[..., np.newaxis]
    strength = np.clip(np.abs(np.nan_to_num(relative)), 0.0, 1.0)[..., np.newaxis]
    color = np.where(relative[..., np.newaxis] > 0, np.array(FALL_RGB), np.array(RISE_RGB))
    tinted = grey * (1 - 0.65 * strength) + color * (0.65 * strength)
    # What lies outside the crop, and so was not seen, is darker.
    tinted = np.where(np.isnan(relative)[..., np.newaxis], 0.45 * tinted, tinted)
    return Image.fromarray(np.clip(np.round(tinted), 0, 255).astype(np.uint8))
