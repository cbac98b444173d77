"""One colour a finding, the same in the report and in a viewer that shows the DICOM SEG."""

from __future__ import annotations

Rgb = tuple[int, int, int]

# Bright and apart from each other on grey; no pure red or green, which read as a verdict.
_PALETTE: tuple[Rgb, ...] = (
    (255, 190, 40),
    (70, 190, 255),
    (255, 125, 95),
    (125, 220, 110),
    (205, 145, 255),
    (255, 145, 200),
    (80, 225, 205),
    (205, 205, 75),
    (150, 165, 255),
    (225, 165, 115),
)


def finding_rgb(finding_id: int) -> Rgb:
    """Give the colour of a finding; each further round of the palette is darker.

    Args:
        finding_id: 1 or more.

    Returns:
        Red, green, blue, each 0 to 255.
    """
    rounds, place = divmod(finding_id - 1, len(_PALETTE))
    dimming = max(0.35, 0.82**rounds)
    red, green, blue = (round(value * dimming) for value in _PALETTE[place])
    return red, green, blue
