"""Three planes through a study with one nodule marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.phantom.phantom_study import PhantomStudy
from nodulus.bundles.common.atomic_files import atomic_write

HEIGHT = 440
MARK = 255
"""Palette entry of the circle; the greys end below it."""


def window(
    hu: NDArray[np.generic], center_hu: float = -600.0, width_hu: float = 1500.0
) -> NDArray[np.uint8]:
    """Map HU to grey as a viewer would."""
    grey = (hu.astype(np.float32) - (center_hu - width_hu / 2)) * (255.0 / width_hu)
    return np.asarray(np.clip(grey, 0, 255), dtype=np.uint8)


def write_picture(study: PhantomStudy, path: Path) -> None:
    """Write axial, coronal and sagittal planes side by side as PNG.

    The planes go through the nodule of at least 10 mm that is nearest to that size (or through
    the middle, without any), which is marked with a circle.
    """
    from PIL import Image, ImageDraw

    nodules = sorted(study.nodules, key=lambda n: (n.diameter_mm < 10, abs(n.diameter_mm - 14)))
    if nodules:
        at = study.geometry.lps_to_index(nodules[0].center_lps_mm)
        radius = nodules[0].diameter_mm * 0.5 + 5.0
    else:
        at, radius = (np.array(study.hu.shape) - 1) / 2, 0.0
    i, r, c = (round(float(v)) for v in at)
    di, dr, dc = study.geometry.spacing_irc_mm
    hu = study.hu
    # Each plane: pixels, size of a pixel down and across, where the nodule is.
    planes = (
        (hu[i], dr, dc, at[1], at[2]),
        (hu[::-1, r], di, dc, len(hu) - 1 - at[0], at[2]),
        (hu[::-1, :, c], di, dr, len(hu) - 1 - at[0], at[1]),
    )
    tiles = []
    for plane, down, across, row, column in planes:
        zoom = HEIGHT / (plane.shape[0] * down)
        size = (round(plane.shape[1] * across * zoom), HEIGHT)
        grey = np.minimum(window(plane), MARK - 1) & 0xFC  # fewer greys, a smaller file
        tile = Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR)
        x, y, reach = (column + 0.5) * across * zoom, (row + 0.5) * down * zoom, radius * zoom
        if reach > 0:
            box = (x - reach, y - reach, x + reach, y + reach)
            ImageDraw.Draw(tile).ellipse(box, outline=MARK, width=2)
        tiles.append(tile)
    sheet = Image.new("L", (sum(t.width for t in tiles) + 4 * (len(tiles) - 1), HEIGHT))
    left = 0
    for tile in tiles:
        sheet.paste(tile, (left, 0))
        left += tile.width + 4
    greys = [level for level in range(MARK) for _ in range(3)]
    sheet.putpalette([*greys, 255, 170, 0])
    with atomic_write(path) as part:
        sheet.save(part, format="PNG", optimize=True)
