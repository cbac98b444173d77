"""A study's result with what every format needs of it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import StudyResult
from nodulus.app.results.file_plan import SEG_FILE, SR_FILE
from nodulus.app.results.label_boxes import Labels
from nodulus.app.results.read_labels import read_labels
from nodulus.transforms.geometry import Geometry

if TYPE_CHECKING:
    from nodulus.app.review.images import ImageReader


@dataclass(frozen=True, eq=False)
class ResultToExport:
    """One study's result, as its folder holds it.

    Args:
        folder: that `nodulus detect` wrote.
        result: its findings.json.
        recorded_images: where its images were when it was made; None where it is not known.
        images: where else to look for them, before that.
    """

    folder: Path
    result: StudyResult
    recorded_images: Path | None = None
    images: tuple[Path, ...] = ()

    @cached_property
    def geometry(self) -> Geometry:
        """The place of the volume that was analysed."""
        volume = self.result.volume
        return Geometry(volume.shape_irc, np.asarray(volume.affine_lps))

    @cached_property
    def labels(self) -> Labels:
        """Shape (I, R, C) of the volume: 0, or the id of a finding.

        Raises:
            NodulusError: the masks cannot be read, or the result was written without them.
        """
        has_masks = any(what in self.result.files for what in ("seg", "mask"))
        if self.result.findings and not has_masks:
            raise NodulusError(
                ErrorCode.INPUT_NOT_FOUND,
                "The result was written without masks (--no-seg), which this format needs.",
                remedy="Analyse the study again with masks.",
                subject=self.folder,
            )
        return read_labels(self.folder, self.result)

    @cached_property
    def header(self) -> Dataset | None:
        """Of a DICOM object of the result, with the patient and the study; no pixels.

        None where the source was not DICOM, or the result was written without DICOM objects.
        """
        for name in (SEG_FILE, SR_FILE):
            with contextlib.suppress(OSError, InvalidDicomError):
                return dcmread(self.folder / name, stop_before_pixels=True)
        return None

    def image_reader(self) -> ImageReader:
        """Give what finds the study's images; to be closed."""
        from nodulus.app.chain import load_settings
        from nodulus.app.review.images import ImageReader

        return ImageReader(self.images, 0, load_settings())

    def segmentation(self) -> Dataset:
        """Read the DICOM segmentation, whose frames are those of the source.

        Raises:
            NodulusError: there is none.
        """
        try:
            return dcmread(self.folder / SEG_FILE)
        except (OSError, InvalidDicomError) as error:
            raise NodulusError(
                ErrorCode.INPUT_NOT_FOUND,
                f"It has no {SEG_FILE}, which tells the images that a structure set refers to.",
                remedy="Analyse a DICOM study, with the segmentation; or choose another format.",
                subject=self.folder,
            ) from error
