"""Key slices of nodules and of suspicious cases."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nodulus.app.data.eda.scan_image import ScanImage, read_scan_image
from nodulus.app.data.eda.survey import NoduleRow, Survey
from nodulus.app.data.eda.suspicions import Suspicion, SuspicionKind
from nodulus.app.data.eda.tallies import SIZE_CLASSES, size_class
from nodulus.app.results.colors import finding_rgb
from nodulus.app.results.drawing import Overlay
from nodulus.app.results.pictures import Picture, contours, lung_window
from nodulus.app.results.viewframe import AnatomicalPlane, ViewFrame, whole_frame
from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.data.tables import Point
from nodulus.transforms.hounsfield import AIR_HU

PIXELS = 150
JPEG_QUALITY = 85
SAMPLES_PER_CLASS = 6
CASES_PER_KIND = 12
_RGB, _CASE_RGB = finding_rgb(1), finding_rgb(3)


@dataclass(frozen=True)
class KeySlice:
    """An axial slice as the page takes it."""

    uri: str
    alt: str
    caption: str


Slices = list[KeySlice | None]


@dataclass(frozen=True)
class _Wanted:
    """A picture to draw when its scan is read, and to put at a place among others."""

    study: int
    draw: Callable[[ScanImage], Picture]
    caption: str
    slices: Slices
    place: int


def choose_samples(nodules: Sequence[NoduleRow], count: int) -> dict[str, list[NoduleRow]]:
    """Nodules of each size class, evenly spread over their diameters, smallest first."""
    chosen = {}
    for name in SIZE_CLASSES:
        rows = [row for row in nodules if size_class(row.diameter_mm) == name]
        rows.sort(key=lambda row: row.diameter_mm)
        places = np.unique(np.round(np.linspace(0, len(rows) - 1, min(count, len(rows)))))
        chosen[name] = [rows[int(n)] for n in places]
    return chosen


def draw_pictures(
    studies: Sequence[Study], survey: Survey, done: Callable[[int, int], None]
) -> tuple[dict[str, Slices], dict[SuspicionKind, Slices]]:
    """Draw samples of each size class and the first suspicious cases of each kind.

    Args:
        studies: as the survey has them.
        survey: the numbers.
        done: called with how many scans of how many are done.

    Returns:
        Pictures by size class, smallest first, and by kind one for each of the first
        :data:`CASES_PER_KIND` cases; None where the image cannot be read.
    """
    samples: dict[str, Slices] = {}
    cases: dict[SuspicionKind, Slices] = {}
    wanted: list[_Wanted] = []
    for name, rows in choose_samples(survey.nodules, SAMPLES_PER_CLASS).items():
        samples[name] = [None] * len(rows)
        wanted += [_sample(row, samples[name], n) for n, row in enumerate(rows)]
    where = {study.series_uid: n for n, study in enumerate(studies)}
    for kind, found in survey.suspicions_by_kind().items():
        shown = found[:CASES_PER_KIND]
        cases[kind] = [None] * len(shown)
        wanted += [
            _case(where[case.series_uid], case, cases[kind], n) for n, case in enumerate(shown)
        ]
    indices = sorted({want.study for want in wanted})
    for number, index in enumerate(indices):
        done(number, len(indices))
        try:
            image = read_scan_image(studies[index], with_lungs=False)
        except (OSError, ValueError):  # the case says so
            continue
        for want in wanted:
            if want.study == index:
                want.slices[want.place] = _embed(want.draw(image), want.caption)
    done(len(indices), len(indices))
    return samples, cases


def _sample(row: NoduleRow, slices: Slices, place: int) -> _Wanted:
    rating = "" if row.malignancy is None else f", malignancy {row.malignancy:g}"
    return _Wanted(
        row.study,
        lambda image: _close_up(image, row.center_lps_mm, row.diameter_mm, row.label, False),
        f"{row.diameter_mm:.1f} mm{rating}",
        slices,
        place,
    )


def _case(study: int, case: Suspicion, slices: Slices, place: int) -> _Wanted:
    def draw(image: ScanImage) -> Picture:
        if case.center_lps_mm is None:
            return _whole(image)
        return _close_up(image, case.center_lps_mm, case.diameter_mm or 0.0, case.label, True)

    return _Wanted(study, draw, case.message, slices, place)


def _close_up(
    image: ScanImage, center: Point, diameter_mm: float, label: int | None, suspicious: bool
) -> Picture:
    """The slice through a point, with the label's outline or, without one, a circle.

    A suspicious case has a wider view and the annotation's circle as well.
    """
    field_mm = float(np.clip((4.0 if suspicious else 2.5) * diameter_mm, 40.0, 160.0))
    if suspicious and not image.geometry.contains(image.geometry.lps_to_index(center)):
        return _nearest(image, center)
    frame = ViewFrame(AnatomicalPlane.AXIAL, center, field_mm / PIXELS, PIXELS, PIXELS)
    outline = Overlay(frame)
    lines = _outline(image, center, field_mm, label, frame)
    for line in lines:
        outline.line(line, _RGB)
    if suspicious or not lines:
        radius = min(max(diameter_mm, 2.0), field_mm) / 2 / frame.pixel_mm
        outline.dot(frame.to_pixels(center)[:2], radius, _CASE_RGB, filled=False)
    return _picture(image, frame, outline, 10.0 if field_mm < 100 else 20.0)


def _outline(
    image: ScanImage, center: Point, field_mm: float, label: int | None, frame: ViewFrame
) -> list[NDArray[np.float64]]:
    """Where the picture cuts the label; any label where it is not known which."""
    if image.labels is None:
        return []
    shape = np.asarray(image.labels.shape)
    reach = field_mm / np.asarray(image.geometry.spacing_irc_mm) + 2
    index = image.geometry.lps_to_index(center)
    low = np.clip(np.floor(index - reach), 0, shape - 1).astype(int)
    high = np.clip(np.ceil(index + reach), 1, shape).astype(int)
    part = image.labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    mask = part == label if label else (part > 0) & (part < 255)
    if not mask.any():
        return []
    return list(contours(mask, image.geometry.cropped(low, mask.shape), frame))


def _nearest(image: ScanImage, center: Point) -> Picture:
    """The whole slice nearest to a point outside the image."""
    last = np.asarray(image.geometry.shape_irc) - 1
    index = np.clip(image.geometry.lps_to_index(center), 0, last)
    nearest = image.geometry.index_to_lps(index)
    frame = whole_frame(AnatomicalPlane.AXIAL, image.geometry, nearest, longest_side=PIXELS)
    outline = Overlay(frame)
    outline.dot(frame.to_pixels(nearest)[:2], 4.0, _CASE_RGB, filled=True)
    return _picture(image, frame, outline, 50.0)


def _whole(image: ScanImage) -> Picture:
    """The middle slice."""
    middle = image.geometry.index_to_lps((np.asarray(image.geometry.shape_irc) - 1) / 2)
    frame = whole_frame(AnatomicalPlane.AXIAL, image.geometry, middle, longest_side=PIXELS)
    return _picture(image, frame, Overlay(frame), 50.0)


def _picture(image: ScanImage, frame: ViewFrame, outline: Overlay, bar_mm: float) -> Picture:
    marks = Overlay(frame)
    marks.scale_bar(bar_mm)
    base = lung_window(frame.sample(image.hu, image.geometry, outside=AIR_HU))
    return Picture(base, marks.image, outline.image, "", "")


def _embed(picture: Picture, caption: str) -> KeySlice:
    stream = io.BytesIO()
    flat: Image.Image = picture.flat()
    flat.save(stream, format="JPEG", quality=JPEG_QUALITY)
    text = base64.b64encode(stream.getvalue()).decode("ascii")
    return KeySlice(f"data:image/jpeg;base64,{text}", f"Axial slice: {caption}", caption)
