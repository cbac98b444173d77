"""The masks of known lesions, in the forms that `nodulus prepare folder --masks` takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nodulus.app.data.masks.find_masks import MaskFile
from nodulus.app.data.prepare.dicom_index import IndexedSeries
from nodulus.app.data.prepare.folder_masks import Masks, find_masks
from nodulus.app.data.prepare.folder_scan import labels_of_masks, read_labels
from nodulus.app.data.prepare.problems import ScanError
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.evaluation.scans.lesion_outlines import find_mask, read_mask
from nodulus.app.reading import Discovery, StudyInput
from nodulus.app.reading.slice_plan import SlicePlan
from nodulus.app.volume import CtVolume


def series_of(study: StudyInput) -> str:
    """The series that is read of a study; the file's stem for research formats."""
    return next((s.series_uid for s in study.considered if s.chosen), study.key)


class LesionMasks:
    """What outlines the known lesions of each scan.

    A label image ``<series UID>.nii.gz`` or ``.nii`` counts before all others; then a label image
    of another format and ``.seg.nrrd`` that are named like the scan, DICOM SEG and RT Structure
    Sets of its series.

    Args:
        folder: searched to any depth; None for no masks.
        discovery: the scans.

    Raises:
        NodulusError: the folder cannot be read.
    """

    def __init__(self, folder: Path | None, discovery: Discovery) -> None:
        self._folder = folder
        names = {series_of(study) for study in discovery.studies}
        self._masks = Masks() if folder is None else find_masks(folder, None, names, names)

    def of(self, study: StudyInput) -> tuple[Path, ...]:
        """The files with masks of a scan.

        Args:
            study: one of the discovery.
        """
        image = self._image(study)
        return (image,) if image else tuple(mask.path for mask in self._files(study))

    def read(self, study: StudyInput, volume: CtVolume) -> NDArray[np.int64]:
        """Give the label map of a scan: 0 background, n lesion n, 255 where nobody has labelled.

        Args:
            study: one that has masks.
            volume: of it.

        Returns:
            Shape (I, R, C) of the volume.

        Raises:
            NodulusError: ``input-not-readable``: a mask cannot be read, is of another scan, or
                outlines nothing that is called a nodule.
        """
        image = self._image(study)
        try:
            if image is None:
                return labels_of_masks(volume, self._files(study), ())[0].astype(np.int64)
            if image.name.lower().endswith((".nii", ".nii.gz")):
                return read_mask(image, volume.geometry)
            return read_labels(image, volume.geometry, volume.series_uid).astype(np.int64)
        except ScanError as error:
            raise NodulusError(
                ErrorCode.INPUT_NOT_READABLE,
                f"the mask cannot be used: {error.problem.message}.",
                remedy="Give masks of this scan, of structures that are called a nodule, mass,"
                " lesion or tumour.",
                subject=error.problem.path or image or series_of(study),
            ) from error

    def _image(self, study: StudyInput) -> Path | None:
        name = series_of(study)
        return find_mask(self._folder, name) or self._masks.images.get(name)

    def _files(self, study: StudyInput) -> Sequence[MaskFile]:
        name = series_of(study)
        if not isinstance(study.chosen, SlicePlan):
            return self._masks.of_image(name)
        images = tuple(header.path for header in study.chosen.slices)
        return self._masks.of(IndexedSeries(name, "CT", images))
