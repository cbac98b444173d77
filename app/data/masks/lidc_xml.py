"""Reads the nodules of an XML file of LIDC-IDRI onto the images of its series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nodulus.app.data.lidc_labels.cube_labels import AGREEMENT
from nodulus.app.data.lidc_labels.xml_nodules import consensus_nodules
from nodulus.app.data.lidc_labels.xml_reading import read_lidc_xml
from nodulus.app.data.masks.mask_error import MaskError, MaskProblem
from nodulus.app.data.masks.slices import SourceSlices
from nodulus.app.data.masks.structures import Structure, StructureMask


def read_lidc_masks(
    path: Path, source: SourceSlices, patterns: Sequence[str] = ()
) -> list[StructureMask]:
    """Read what at least half of the readers of each nodule cover.

    Args:
        path: the file.
        source: the images of the series.
        patterns: no nodule of such a file has a name, so that with any nothing is wanted of it.

    Raises:
        MaskError: it cannot be read, or is of other images.
    """
    if patterns:
        raise MaskError(MaskProblem.NOTHING_CHOSEN, path, "its nodules have no names")
    try:
        xml = read_lidc_xml(path)
    except ValueError as error:
        raise MaskError(MaskProblem.NOT_READABLE, path, str(error)) from error
    gaps = np.abs(np.diff(source.heights_mm))
    slice_mm = float(np.median(gaps)) if len(gaps) else 1.0
    try:
        found = consensus_nodules(xml, source, slice_mm)
    except ValueError as error:
        raise MaskError(MaskProblem.MISMATCH, path, str(error)) from error
    masks = []
    for number, one in enumerate(found, start=1):
        i, r, c = (part.start for part in one.covered.box)
        structure = Structure(number, f"Nodule {number}", "", True)
        masks.append(StructureMask(structure, (i, r, c), one.covered.mask(AGREEMENT), one.lost))
    return masks
