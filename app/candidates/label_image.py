"""Candidates of a label image: NIfTI, MetaImage or NRRD."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from nodulus.app.candidates.label_marks import LabelNames, label_marks
from nodulus.app.candidates.placed_marks import placed_marks
from nodulus.app.candidates.problems import invalid
from nodulus.app.data.masks.mask_error import MaskError
from nodulus.app.data.masks.structures import Structure, choose_structures
from nodulus.app.errors import NodulusError
from nodulus.app.marks import Marks
from nodulus.app.progress import Progress
from nodulus.app.reading.research import read_values, source_format
from nodulus.app.result import SourceForm
from nodulus.app.volume import CtVolume, VolumeWarning
from nodulus.bundles.common.atomic_files import sha256

_LABEL = re.compile(rb'<Label\b[^>]*\bKey="(\d+)"[^>]*>\s*(?:<!\[CDATA\[)?([^<\]]*)')
"""A name in the XML that TotalSegmentator writes into a NIfTI header (Connectome Workbench's)."""


class LabelImage:
    """An image whose voxels are labels, as nnU-Net and TotalSegmentator write it.

    Each connected piece of each label is a mark. Where the file names its labels, those called a
    nodule, mass, lesion or tumour count; else all of them.

    Args:
        path: of the file.
        name: of the source.
        label: the number or name of the label that is a nodule; None for those above.
        values: the labels that are nodules, where something beside the file says so.
    """

    form: SourceForm = "label-map"
    series_uids: frozenset[str] | None = None
    study_uids: frozenset[str] | None = None
    of_any_scan = False

    def __init__(
        self,
        path: Path,
        name: str,
        label: str | None = None,
        values: Collection[int] | None = None,
    ) -> None:
        self.name = name
        self.sha256 = sha256(path)
        self.path = path
        self._label = label
        self._values = values

    def marks(self, volume: CtVolume, report: Progress) -> Marks:
        """See :class:`nodulus.app.marks.CandidateSource`."""
        try:
            values, grid, notes = read_values(self.path)
        except NodulusError as error:
            raise invalid(
                self.path,
                f"It cannot be read as a label image: {error.message}",
                "Give one 3D label image, a label a nodule or one for all of them.",
            ) from error
        names = LabelNames(_names(self.path))
        wanted = self._wanted(names)
        marks = label_marks(values, grid, volume, self.path, wanted=wanted, names=names)
        report(1, 1)
        warnings = [
            VolumeWarning(
                "candidates-without-orientation", f"The candidates {self.name!r}: {one.message}"
            )
            for one in notes
        ]
        return placed_marks(marks, volume, self.name, self.path, warnings=warnings)

    def _wanted(self, names: LabelNames) -> Collection[int] | None:
        if self._values is not None:
            return self._values
        if self._label is not None and self._label.isdecimal():
            return {int(self._label)}
        if not names.by_value:
            if self._label is None:
                return None
            raise invalid(
                self.path,
                f"It names no labels, so that none is called {self._label!r}.",
                "Give the label's number: FILE#NUMBER.",
            )
        known = [Structure(value, text, "", None) for value, text in names.by_value.items()]
        patterns = () if self._label is None else (self._label,)
        try:
            return {s.number for s in choose_structures(known, patterns, self.path)}
        except MaskError as error:
            raise invalid(
                self.path, f"{error.message}.", "Say which label is one: --candidates FILE#LABEL."
            ) from error


def _names(path: Path) -> dict[int, str]:
    """The labels' names in a NIfTI header; none in other files."""
    if source_format(path) != "nifti":
        return {}
    import nibabel

    extensions = getattr(nibabel.load(path).header, "extensions", ())
    found = (match for one in extensions for match in _LABEL.findall(bytes(one.get_content())))
    return {int(key): text.decode("utf-8", "replace").strip() for key, text in found if text}
