"""Candidates of a DICOM RT Structure Set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import dcmread

from nodulus.app.candidates.label_marks import LabelNames, label_marks
from nodulus.app.candidates.placed_marks import placed_marks
from nodulus.app.candidates.problems import mask_errors
from nodulus.app.data.masks.mask_error import MaskError
from nodulus.app.data.masks.rtstruct import read_rtstruct
from nodulus.app.data.prepare.source_slices import source_slices
from nodulus.app.errors import NodulusError
from nodulus.app.marks import Mark, Marks
from nodulus.app.progress import Progress
from nodulus.app.result import SourceForm
from nodulus.app.volume import CtVolume
from nodulus.bundles.common.atomic_files import sha256
from nodulus.transforms.slice_labels import labels_on_grid


class RtStructureSet:
    """A DICOM RT Structure Set, as treatment planning, rt-utils or TotalSegmentator write it.

    Each connected piece of each ROI is a mark. ROIs whose type or name says GTV, nodule, mass,
    lesion or tumour count; the contours are filled on the images of the scan.

    Args:
        path: of the file.
        name: of the source.
        label: the name of the ROI that is a nodule; None for those above.
    """

    form: SourceForm = "dicom-rtstruct"
    series_uids: frozenset[str] | None = None
    of_any_scan = False

    def __init__(self, path: Path, name: str, label: str | None = None) -> None:
        self.name = name
        self.sha256 = sha256(path)
        self.path = path
        self._patterns = () if label is None else (label,)
        header = dcmread(path, stop_before_pixels=True, specific_tags=["StudyInstanceUID"])
        self.study_uids: frozenset[str] | None = frozenset(
            {str(header.get("StudyInstanceUID") or "")}
        )

    def marks(self, volume: CtVolume, report: Progress) -> Marks:
        """See :class:`nodulus.app.marks.CandidateSource`."""
        if volume.study_uid not in (None, *(self.study_uids or ())):
            report(1, 1)
            return placed_marks([], volume, self.name, self.path)
        with mask_errors(
            self.path,
            "Its contours cannot be used",
            "Give a structure set of this CT series with an ROI that is a nodule, or name it:"
            " FILE#ROI.",
            (MaskError, NodulusError),
        ):
            source = source_slices(volume)
            found = read_rtstruct(self.path, source, self._patterns)
        marks: list[Mark] = []
        for done, one in enumerate(found, start=1):
            drawn = np.zeros(source.shape_irc, np.uint16)
            drawn[one.box][one.mask] = one.structure.number
            labels = labels_on_grid(drawn, source.positions_lps_mm, volume.geometry)
            names = LabelNames({one.structure.number: one.structure.name})
            marks += label_marks(labels, volume.geometry, volume, self.path, names=names)
            report(done, len(found))
        return placed_marks(marks, volume, self.name, self.path)
