"""Candidates of a folder of nnU-Net's predictions."""

from __future__ import annotations

from pathlib import Path

from nodulus.app.candidates.label_image import LabelImage
from nodulus.app.candidates.problems import invalid, mask_errors
from nodulus.app.data.masks.mask_error import MaskError
from nodulus.app.data.nnunet.dataset_json import DATASET_FILE, read_dataset_json
from nodulus.app.errors import NodulusError
from nodulus.app.marks import Marks
from nodulus.app.progress import Progress
from nodulus.app.result import SourceForm
from nodulus.app.volume import CtVolume
from nodulus.bundles.common.atomic_files import sha256


class NnunetPredictions:
    """What ``nnUNetv2_predict`` leaves: a label image a case, and ``dataset.json`` beside them.

    A case is of the scan of its name, with or without the number of the channel
    (``case_0000.nii.gz``), or of the series whose UID it is. Labels called a nodule, mass, lesion
    or tumour count, or the only one.

    Args:
        path: of the folder.
        name: of the source.
        label: the name of the label that is a nodule; None for those above.

    Raises:
        NodulusError: ``candidates-invalid``.
    """

    form: SourceForm = "label-map"
    study_uids: frozenset[str] | None = None
    of_any_scan = False

    def __init__(self, path: Path, name: str, label: str | None = None) -> None:
        self.name = name
        self.path = path
        with mask_errors(
            path,
            "It cannot be used as a folder of predictions",
            "Give a folder that nnUNetv2_predict wrote, and name its label: FOLDER#LABEL.",
            (MaskError, NodulusError),
        ):
            self._dataset = read_dataset_json(path)
            self._values = self._dataset.nodule_values(() if label is None else (label,))
        self.sha256 = sha256(path / DATASET_FILE)
        ending = self._dataset.file_ending
        self._files = {f.name.removesuffix(ending): f for f in sorted(path.glob(f"*{ending}"))}
        if not self._files:
            raise invalid(
                path,
                f"It holds no prediction (*{ending}).",
                "Give the folder that nnUNetv2_predict wrote (-o).",
            )
        first = self._dataset.image_of("", self._dataset.ct_channel()).removesuffix(ending)
        self.series_uids: frozenset[str] | None = frozenset(
            name for case in self._files for name in (case, case + first)
        )

    def marks(self, volume: CtVolume, report: Progress) -> Marks:
        """See :class:`nodulus.app.marks.CandidateSource`."""
        uid = volume.series_uid
        file = self._files.get(uid) or self._files.get(self._dataset.case_of(uid))
        if file is None:
            raise invalid(
                self.path,
                f"It holds no prediction of the scan {uid}.",
                f"Call it {uid}{self._dataset.file_ending}.",
            )
        return LabelImage(file, self.name, values=self._values).marks(volume, report)
