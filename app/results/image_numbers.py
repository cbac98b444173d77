"""The source image that lies nearest to a finding, by the number a person pages to."""

from __future__ import annotations

import numpy as np

from nodulus.app.result import Finding
from nodulus.app.results.sources import SourceHeaders
from nodulus.app.volume import CtVolume


def nearest_image_number(
    volume: CtVolume, finding: Finding, sources: SourceHeaders | None
) -> int | None:
    """Give InstanceNumber, or the frame number, of the image nearest to a finding's centre.

    Args:
        volume: the CT, with its source images.
        finding: on it.
        sources: the headers of the source images; None for research formats.

    Returns:
        The number; None where there is none.
    """
    return None if sources is None else sources.image_number(nearest_image(volume, finding))


def nearest_image(volume: CtVolume, finding: Finding) -> int:
    """Give the place among a volume's source images of that nearest to a finding's centre.

    Args:
        volume: the CT, with its source images.
        finding: on it.
    """
    axes = volume.geometry.direction_irc
    normal = np.cross(axes[:, 1], axes[:, 2])
    positions = np.array([image.position_lps_mm for image in volume.source_images])
    distance = np.abs((positions - np.asarray(finding.center_lps_mm)) @ normal)
    return int(np.argmin(distance))


def image_words(number: int | None, series_number: int | None) -> str:
    """Say where to look, such as ``image 97 of series 2``; empty where nothing is known."""
    if number is None:
        return ""
    return f"image {number}" + ("" if series_number is None else f" of series {series_number}")
