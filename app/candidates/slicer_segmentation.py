"""Candidates of a segmentation of 3D Slicer (``.seg.nrrd``)."""

from __future__ import annotations

from pathlib import Path

from nodulus.app.candidates.label_marks import LabelNames, label_marks
from nodulus.app.candidates.placed_marks import placed_marks
from nodulus.app.candidates.problems import mask_errors
from nodulus.app.candidates.structures_asked_for import structures_asked_for
from nodulus.app.data.masks.mask_error import MaskError
from nodulus.app.data.masks.slicer_segmentation import open_slicer_segmentation
from nodulus.app.marks import Mark, Marks
from nodulus.app.progress import Progress
from nodulus.app.result import SourceForm
from nodulus.app.volume import CtVolume
from nodulus.bundles.common.atomic_files import sha256


class SlicerSegments:
    """A ``.seg.nrrd``, whose segments have names and terms.

    Each connected piece of each segment is a mark. Segments whose term or name says nodule, mass,
    lesion or tumour count; where none does, all of them.

    Args:
        path: of the file.
        name: of the source.
        label: the number (from 1) or name of the segment that is a nodule; None for those above.

    Raises:
        NodulusError: ``candidates-invalid``.
    """

    form: SourceForm = "label-map"
    series_uids: frozenset[str] | None = None
    study_uids: frozenset[str] | None = None
    of_any_scan = False

    def __init__(self, path: Path, name: str, label: str | None = None) -> None:
        self.name = name
        self.sha256 = sha256(path)
        self.path = path
        with mask_errors(
            path,
            "It cannot be used as a segmentation",
            "Save the segmentation from 3D Slicer as .seg.nrrd, and name its segment:"
            " FILE#SEGMENT.",
            (MaskError,),
        ):
            self._segmentation = open_slicer_segmentation(path)
            self._structures = structures_asked_for(self._segmentation.structures, label, path)

    def marks(self, volume: CtVolume, report: Progress) -> Marks:
        """See :class:`nodulus.app.marks.CandidateSource`."""
        found = self._segmentation
        marks: list[Mark] = []
        for done, structure in enumerate(self._structures, start=1):
            marks += label_marks(
                found.mask(structure.number).astype("uint16") * structure.number,
                found.grid,
                volume,
                self.path,
                names=LabelNames({structure.number: structure.name}),
            )
            report(done, len(self._structures))
        return placed_marks(marks, volume, self.name, self.path)
