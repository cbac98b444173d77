"""Which masses are kept whatever the nodule classifier says."""

from __future__ import annotations

from nodulus.app.chain.mass_settings import MassSettings
from nodulus.app.chain.protocols import Detection
from nodulus.transforms.lung_region import LungRegion


def sure_masses(
    detection: Detection, region: LungRegion | None, chosen: MassSettings | None
) -> frozenset[int]:
    """Choose the masses that need no classifier.

    The nodule classifier has learnt no masses, so that what two coarse passes agree on is kept.
    They also agree on a diaphragm, a heart or an aortic arch that bulges into the lung; of these
    much lies outside of where nodules are looked for, and there the classifier has its say.

    Args:
        detection: with its masses.
        region: where nodules are looked for; None for everywhere.
        chosen: how much of a mass lies in it.

    Returns:
        The masses' numbers; all that another source outlines are among them.
    """
    if region is None or chosen is None:
        return detection.masses
    return frozenset(
        number
        for number in detection.masses
        if detection.given_outline(number) is not None
        or _share(detection, number, region) >= chosen.kept_share_in_region
    )


def _share(detection: Detection, number: int, region: LungRegion) -> float:
    """Of a mass's voxels, the share in the search region."""
    candidate = detection.candidates[number]
    start = [s.start for s in candidate.box]
    part = detection.grid.cropped(start, candidate.mask.shape)
    return float(region.on(part)[candidate.mask].mean())
