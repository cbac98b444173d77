"""Pictures of findings and of what the chain saw, in the lung window."""

from __future__ import annotations

import base64
import io
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from skimage import measure

from nodulus.app.result import Finding
from nodulus.app.results.colors import Rgb, finding_rgb
from nodulus.app.results.drawing import Overlay
from nodulus.app.results.label_boxes import Labels
from nodulus.app.results.viewframe import AnatomicalPlane, ViewFrame, whole_frame
from nodulus.app.volume import CtVolume
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.hounsfield import AIR_HU

WINDOW_CENTER_HU = -600.0
WINDOW_WIDTH_HU = 1500.0
ZOOM_PIXELS = 256
OVERVIEW_PIXELS = 320


@dataclass(frozen=True, eq=False)
class Picture:
    """A grey or coloured picture and, apart from it, what is drawn over it.

    Args:
        base: the picture.
        marks: letters and scale bar; transparent elsewhere; larger than ``base``.
        outline: contours, diameters and boxes; transparent elsewhere; as large as ``marks``. None
            where there are none.
        alt: what a reader who does not see the picture needs to know.
        caption: a word or two.
    """

    base: Image.Image
    marks: Image.Image
    outline: Image.Image | None
    alt: str
    caption: str

    def flat(self) -> Image.Image:
        """All layers in one, as large as ``marks``."""
        flat = self.base.convert("RGBA").resize(self.marks.size, Image.Resampling.BICUBIC)
        for layer in (self.outline, self.marks):
            if layer is not None:
                flat.alpha_composite(layer)
        return flat.convert("RGB")


def data_uri(image: Image.Image) -> str:
    """Give an image as a PNG data URI."""
    stream = io.BytesIO()
    # Runs of equal bytes are all that there is to find in a nearly empty layer, and in a picture of
    # noise: a full search takes longer and gives larger files.
    image.save(stream, format="PNG", compress_type=zlib.Z_RLE)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def lung_window(hu: NDArray[np.float32]) -> Image.Image:
    """Map HU, shape (height, width), to grey in the lung window."""
    low = WINDOW_CENTER_HU - WINDOW_WIDTH_HU / 2
    grey = np.clip((hu - low) / WINDOW_WIDTH_HU, 0.0, 1.0) * 255.0
    return Image.fromarray(np.round(grey).astype(np.uint8))


def contours(mask: NDArray[Any], geometry: Geometry, frame: ViewFrame) -> list[NDArray[np.float64]]:
    """Outline a mask where a picture cuts it.

    Args:
        mask: shape (I, R, C); a crop will do, and is quicker.
        geometry: its shape and place.
        frame: the picture.

    Returns:
        Closed or open lines of pixel coordinates x, y, each of shape (n, 2).
    """
    cut = frame.sample(mask.astype(np.float32), geometry)
    lines = measure.find_contours(np.pad(cut, 1), 0.5)
    return [line[:, ::-1] - 1.0 for line in lines]


def finding_pictures(
    volume: CtVolume, labels: Labels, box: tuple[slice, ...] | None, finding: Finding
) -> tuple[Picture, ...]:
    """Give the overview and the axial, coronal and sagittal close-ups of a finding.

    Args:
        volume: the CT.
        labels: shape (I, R, C), finding ids.
        box: the bounding box of the finding's label (`boxes_by_label`), None when
            it has no voxel.
        finding: the finding.

    Returns:
        Four pictures: overview, axial, coronal, sagittal.
    """
    crop, crop_geometry = _crop(labels, volume.geometry, box, finding.id)
    field_mm = _field_mm(finding)
    rgb = finding_rgb(finding.id)
    pictures = [_overview(volume, finding, field_mm, rgb)]
    for plane, frame in close_up_frames(finding).items():
        base = lung_window(frame.sample(volume.hu, volume.geometry, outside=AIR_HU))
        outline = Overlay(frame)
        lines = [] if crop is None else contours(crop, crop_geometry, frame)
        for line in lines:
            outline.line(line, rgb)
        if plane is AnatomicalPlane.AXIAL:
            for ends in (
                finding.longest_diameter_ends_lps_mm,
                finding.perpendicular_diameter_ends_lps_mm,
            ):
                outline.dashes(frame.to_pixels(ends)[:, :2], rgb)
        pictures.append(
            Picture(
                base,
                _close_up_marks(plane, frame.pixel_mm),
                outline.image,
                f"{plane.value.capitalize()} close-up of nodule {finding.id}, {field_mm:.0f} mm "
                f"wide, lung window{', outlined' if lines else ''}.",
                plane.value.capitalize(),
            )
        )
    return tuple(pictures)


def close_up_frames(finding: Finding) -> dict[AnatomicalPlane, ViewFrame]:
    """Give the frames of a finding's axial, coronal and sagittal close-ups."""
    pixel_mm = _field_mm(finding) / ZOOM_PIXELS
    return {
        plane: ViewFrame(plane, finding.center_lps_mm, pixel_mm, ZOOM_PIXELS, ZOOM_PIXELS)
        for plane in AnatomicalPlane
    }


def close_up_outlines(
    volume: CtVolume, labels: Labels, box: tuple[slice, ...] | None, finding: Finding
) -> dict[AnatomicalPlane, Overlay]:
    """Give a finding's outlines in its close-ups; the arguments are `finding_pictures`'."""
    crop, geometry = _crop(labels, volume.geometry, box, finding.id)
    outlines = {plane: Overlay(frame) for plane, frame in close_up_frames(finding).items()}
    for outline in outlines.values():
        for line in [] if crop is None else contours(crop, geometry, outline.frame):
            outline.line(line, finding_rgb(finding.id))
    return outlines


@lru_cache(maxsize=32)
def _close_up_marks(plane: AnatomicalPlane, pixel_mm: float) -> Image.Image:
    """Letters and scale bar, which are those of every close-up as wide; not to be drawn on."""
    marks = Overlay(ViewFrame(plane, (0.0, 0.0, 0.0), pixel_mm, ZOOM_PIXELS, ZOOM_PIXELS))
    marks.letters()
    marks.scale_bar(10.0 if pixel_mm * ZOOM_PIXELS < 100 else 20.0)
    return marks.image


def _field_mm(finding: Finding) -> float:
    return float(np.clip(2.5 * finding.longest_diameter_mm, 60.0, 130.0))


def _overview(volume: CtVolume, finding: Finding, field_mm: float, rgb: Rgb) -> Picture:
    frame = whole_frame(
        AnatomicalPlane.AXIAL, volume.geometry, finding.center_lps_mm, longest_side=OVERVIEW_PIXELS
    )
    base = lung_window(frame.sample(volume.hu, volume.geometry, outside=AIR_HU))
    outline = Overlay(frame)
    center = frame.to_pixels(finding.center_lps_mm)[:2]
    outline.box(center, field_mm / frame.pixel_mm / 2, rgb)
    return Picture(
        base,
        _overview_marks(frame.plane, frame.pixel_mm, frame.width, frame.height),
        outline.image,
        f"Axial slice through nodule {finding.id}; a box marks the field of the close-ups.",
        "Overview",
    )


@lru_cache(maxsize=8)
def _overview_marks(
    plane: AnatomicalPlane, pixel_mm: float, width: int, height: int
) -> Image.Image:
    """Letters and scale bar of all pictures of a study that show a whole plane; as above."""
    marks = Overlay(ViewFrame(plane, (0.0, 0.0, 0.0), pixel_mm, width, height))
    marks.letters()
    marks.scale_bar(50.0)
    return marks.image


def _crop(
    labels: Labels, geometry: Geometry, box: tuple[slice, ...] | None, finding_id: int
) -> tuple[NDArray[np.bool_] | None, Geometry]:
    """Cut one label out with a margin of one voxel, so that its outline closes."""
    if box is None:
        return None, geometry
    start = [part.start - 1 for part in box]
    mask = np.pad(labels[box] == finding_id, 1)
    return mask, geometry.cropped(start, mask.shape)


def plane_picture(
    volume: CtVolume,
    plane: AnatomicalPlane,
    center_lps_mm: ArrayLike,
    mask: NDArray[np.bool_],
    mask_geometry: Geometry,
    rgb: Rgb,
    alt: str,
) -> Picture:
    """Show a whole plane of the CT with a mask's outline.

    Args:
        volume: the CT.
        plane: the anatomical plane.
        center_lps_mm: a point that it goes through.
        mask: shape (I, R, C) on its own grid.
        mask_geometry: that grid.
        rgb: colour of the outline.
        alt: alternative text.
    """
    frame = whole_frame(plane, volume.geometry, center_lps_mm, longest_side=OVERVIEW_PIXELS)
    base = lung_window(frame.sample(volume.hu, volume.geometry, outside=AIR_HU))
    outline = Overlay(frame)
    # Sampled without a cast of the whole mask, which may be a hundred megabytes.
    cut = frame.sample(mask.view(np.uint8), mask_geometry, order=0)
    for line in measure.find_contours(np.pad(cut, 1), 0.5):
        outline.line(line[:, ::-1] - 1.0, rgb)
    marks = _overview_marks(plane, frame.pixel_mm, frame.width, frame.height)
    return Picture(base, marks, outline.image, alt, plane.value.capitalize())
