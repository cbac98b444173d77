"""Lines and letters over a picture, on a transparent layer of twice its resolution."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

from nodulus.app.results.colors import Rgb
from nodulus.app.results.viewframe import LETTERS, ViewFrame

SCALE = 2
_TEXT: Rgb = (240, 240, 240)
_SHADOW = (0, 0, 0, 190)


@lru_cache(maxsize=4)
def font(size: int) -> Any:
    """Give the font of all pictures; it comes with Pillow."""
    return ImageFont.load_default(size=size)


class Overlay:
    """A transparent layer; coordinates are the picture's pixels, their centres whole numbers.

    Args:
        frame: the picture's frame.
    """

    def __init__(self, frame: ViewFrame) -> None:
        self.frame = frame
        self.image = Image.new("RGBA", (frame.width * SCALE, frame.height * SCALE), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self.image)
        longest = max(frame.width, frame.height) * SCALE
        self._unit = max(1, round(longest / 300))
        self._font_size = max(11, round(longest * 0.052))

    def line(self, points_xy: ArrayLike, rgb: Rgb) -> None:
        """Draw a line through points, shape (n, 2)."""
        points = self._canvas(points_xy)
        self._draw.line(points, fill=(*rgb, 255), width=self._unit + 1, joint="curve")

    def dashes(self, ends_xy: ArrayLike, rgb: Rgb) -> None:
        """Draw a dashed line between two points, shape (2, 2), with a shadow on bright tissue."""
        start, stop = np.asarray(ends_xy, dtype=np.float64)
        length = float(np.linalg.norm(stop - start)) * SCALE
        count = max(1, int(length / (7 * self._unit)))
        for dash in range(count):
            part = np.array([dash, dash + 0.55])[:, np.newaxis] / (count - 0.45)
            segment = self._canvas(start + np.minimum(part, 1.0) * (stop - start))
            self._draw.line(segment, fill=_SHADOW, width=self._unit + 2)
            self._draw.line(segment, fill=(*rgb, 255), width=self._unit)

    def box(self, center_xy: ArrayLike, half: float, rgb: Rgb) -> None:
        """Draw a square round a point."""
        x, y = np.asarray(center_xy, dtype=np.float64)
        corners = [(x - half, y - half), (x + half, y + half)]
        self._draw.rectangle(self._canvas(corners), outline=(*rgb, 255), width=self._unit + 1)

    def dot(self, center_xy: ArrayLike, radius: float, rgb: Rgb, *, filled: bool) -> None:
        """Draw a circle round a point."""
        x, y = np.asarray(center_xy, dtype=np.float64)
        corners = self._canvas([(x - radius, y - radius), (x + radius, y + radius)])
        fill = (*rgb, 200) if filled else None
        self._draw.ellipse(corners, fill=fill, outline=(*rgb, 255), width=self._unit)

    def label(self, center_xy: ArrayLike, text: str, rgb: Rgb) -> None:
        """Write beside a point."""
        x, y = self._canvas(np.asarray(center_xy)[np.newaxis])[0]
        self._text((x, y), text, "lm", rgb)

    def letters(self) -> None:
        """Write the orientation letters at the four sides."""
        width, height = self.image.size
        gap = 3 * self._unit
        left, right, top, bottom = LETTERS[self.frame.plane]
        self._text((gap, height / 2), left, "lm", _TEXT)
        self._text((width - gap, height / 2), right, "rm", _TEXT)
        self._text((width / 2, gap), top, "mt", _TEXT)
        self._text((width / 2, height - gap), bottom, "mb", _TEXT)

    def scale_bar(self, length_mm: float) -> None:
        """Draw a bar of a length at the bottom left, and write the length."""
        _, height = self.image.size
        gap = 5 * self._unit
        length = length_mm / self.frame.pixel_mm * SCALE
        y = height - gap
        for fill, width in ((_SHADOW, self._unit * 4), ((*_TEXT, 255), self._unit * 2)):
            self._draw.line([(gap, y), (gap + length, y)], fill=fill, width=width)
        self._text((gap, y - 5 * self._unit), f"{length_mm:.0f} mm", "lb", _TEXT)

    def _text(self, where: tuple[float, float], text: str, anchor: str, rgb: Rgb) -> None:
        self._draw.text(
            where,
            text,
            fill=(*rgb, 255),
            font=font(self._font_size),
            anchor=anchor,
            stroke_width=self._unit,
            stroke_fill=_SHADOW,
        )

    def _canvas(self, points_xy: ArrayLike) -> list[tuple[float, float]]:
        points: NDArray[np.float64] = (np.asarray(points_xy, dtype=np.float64) + 0.5) * SCALE
        return [(float(x), float(y)) for x, y in points]
