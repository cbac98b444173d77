"""The CT of a study that is reviewed: found again, read, and kept in memory for a while."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nodulus.app.chain import ChainSettings, ScanViews
from nodulus.app.chain.lobe import Lobes
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.reading import Archives, StudyInput, find_studies
from nodulus.app.reading.slice_plan import SlicePlan
from nodulus.app.result import StudyResult
from nodulus.app.results.encodable import encodable_text
from nodulus.app.results.label_boxes import Labels, boxes_by_label
from nodulus.app.results.read_labels import read_labels
from nodulus.app.review.early_slice import early_slice
from nodulus.app.review.preview import encode_preview
from nodulus.app.volume import CtVolume
from nodulus.transforms.blocks import Box
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.lung_region import LungRegion
from nodulus.transforms.lungs import find_lungs

_TOLERANCE_MM = 0.1


@dataclass(frozen=True, eq=False)
class StudyImages:
    """A study's CT with what the review derives from it, each made when it is first wanted.

    Args:
        volume: the CT.
        labels: shape of the volume: the chain's finding ids.
        settings: the chain's.
    """

    volume: CtVolume
    labels: Labels
    settings: ChainSettings

    @cached_property
    def preview(self) -> bytes:
        """The preview's file, which is asked for again and again."""
        return encode_preview(self.volume)

    @cached_property
    def label_boxes(self) -> dict[int, Box]:
        """The box of each of the chain's finding ids that has a voxel."""
        return {label: (i, r, c) for label, (i, r, c) in boxes_by_label(self.labels).items()}

    @cached_property
    def lungs(self) -> LungRegion:
        """The lungs.

        Raises:
            NodulusError: ``no-lungs``.
        """
        found = find_lungs(self.volume.hu, self.volume.geometry, self.settings.lungs)
        if found is None:
            raise NodulusError(
                ErrorCode.NO_LUNGS,
                "The volume shows no lungs.",
                remedy="Give the images that the result was made of.",
                subject=self.volume.series_uid,
            )
        return found

    @cached_property
    def lobes(self) -> Lobes:
        """The lobes of the lungs."""
        pipeline = self.settings.pipeline
        return Lobes(self.volume, self.lungs, pipeline.lobe, pipeline.fissures)

    @cached_property
    def scan(self) -> ScanViews:
        """The chain's views of the volume."""
        return ScanViews(self.volume, self.lungs, self.settings.pipeline.lung_margin_mm)

    @property
    def size_bytes(self) -> int:
        """What it takes of the memory, the chain's view at 1 mm in float32 included."""
        voxels_1mm = self.volume.hu.size * self.volume.geometry.voxel_volume_mm3
        return int(self.volume.hu.nbytes + self.labels.nbytes + 2 * voxels_1mm)


class ImageReader:
    """Finds the images of results and keeps those that were read last.

    Args:
        places: folders and files that are searched through for any study.
        memory_bytes: that volumes may take, apart from the one that is looked at.
        settings: the chain's.
    """

    def __init__(self, places: Sequence[Path], memory_bytes: int, settings: ChainSettings) -> None:
        self._places = tuple(places)
        self._memory = memory_bytes
        self._settings = settings
        self._stack = ExitStack()
        self._archives = self._stack.enter_context(Archives())
        self._found: dict[Path, tuple[StudyInput, ...] | NodulusError] = {}
        self._read: OrderedDict[str, StudyImages] = OrderedDict()
        self._lock = Lock()
        self._locks: dict[str, Lock] = defaultdict(Lock)

    @property
    def has_places(self) -> bool:
        """Whether there is somewhere to look, whatever a result says."""
        return bool(self._places)

    def close(self) -> None:
        """Remove what was unpacked."""
        self._stack.close()

    def forget(self, place: Path | None) -> None:
        """Look anew at a place of which a newer result was made."""
        if place is not None:
            self._found.pop(place, None)

    def images(
        self, key: str, folder: Path, result: StudyResult, recorded: Path | None
    ) -> StudyImages:
        """Give a study's images.

        Args:
            key: names it in the memory.
            folder: of the result.
            result: in it.
            recorded: where they were when the study was analysed.

        Raises:
            NodulusError: ``images-not-found``, or they cannot be read.
        """

        def read() -> StudyImages:
            volume = self.volume(result, recorded)
            return StudyImages(volume, read_labels(folder, result), self._settings)

        with self._locks[key]:
            known = self._read.get(key)
            images = known if known is not None else read()
            with self._lock:
                self._read[key] = images
                self._read.move_to_end(key)
                self._make_room()
        return images

    def early_slice(
        self, key: str, folder: Path, result: StudyResult, recorded: Path | None, index: int
    ) -> NDArray[Any] | None:
        """Give one slice before the CT is in the memory; None where there is no short way to it.

        Args:
            key: as in `images`; so are the next three.
            folder: of the result.
            result: in it.
            recorded: where the images were when the study was analysed.
            index: of the slice, along the volume's first axis.

        Returns:
            HU, shape (1, R, C).
        """
        if key in self._read:
            return None
        geometry = Geometry(result.volume.shape_irc, np.array(result.volume.affine_lps))
        for place in self._places_of(recorded):
            hu = early_slice(place, folder, geometry, index)
            if hu is not None:
                return hu
        return None

    def _make_room(self) -> None:
        while len(self._read) > 1:
            if sum(images.size_bytes for images in self._read.values()) <= self._memory:
                return
            self._read.popitem(last=False)

    def volume(self, result: StudyResult, recorded: Path | None) -> CtVolume:
        """Read the volume that a result was made of, anew each time.

        Args:
            result: of the study.
            recorded: where its images were when it was analysed.

        Raises:
            NodulusError: ``images-not-found``, or they cannot be read.
        """
        places = self._places_of(recorded)
        problem: NodulusError | None = None
        for place in places:
            studies = self._studies(place)
            if isinstance(studies, NodulusError):
                problem = studies
                continue
            for study in studies:
                if _series(study) == result.series_uid:
                    volume = study.load()
                    if _is_same(volume, result):
                        return volume
                    problem = _others(result)
        raise problem or NodulusError(
            ErrorCode.IMAGES_NOT_FOUND,
            f"The images of the study's series are not in {len(places)} place(s) that were looked"
            " through."
            if places
            else "It is not known where the images of the study are.",
            remedy="Name the folder that holds them with --images.",
            subject=result.series_uid,
        )

    def files(self, result: StudyResult, recorded: Path | None) -> list[Path]:
        """Give the DICOM files of the series that a result was made of; none where it is not found.

        Args:
            result: of the study.
            recorded: where they were when the study was analysed.
        """
        for place in self._places_of(recorded):
            studies = self._studies(place)
            for study in () if isinstance(studies, NodulusError) else studies:
                if _series(study) == result.series_uid and isinstance(study.chosen, SlicePlan):
                    return list(dict.fromkeys(header.path for header in study.chosen.slices))
        return []

    def _places_of(self, recorded: Path | None) -> list[Path]:
        return list(dict.fromkeys([*self._places, *([] if recorded is None else [recorded])]))

    def _studies(self, place: Path) -> tuple[StudyInput, ...] | NodulusError:
        with self._locks[f"\0{place}"]:
            if place not in self._found:
                try:
                    self._found[place] = find_studies(place, archives=self._archives).studies
                except NodulusError as error:
                    self._found[place] = error
            return self._found[place]


def _series(study: StudyInput) -> str | None:
    """The series that would be read."""
    if study.chosen is None:
        return None
    chosen = next((choice for choice in study.considered if choice.chosen), None)
    return None if chosen is None else encodable_text(chosen.series_uid)


def _is_same(volume: CtVolume, result: StudyResult) -> bool:
    told = Geometry(result.volume.shape_irc, np.array(result.volume.affine_lps))
    known = {warning.code for warning in result.warnings}
    # Slices that are gone are interpolated, and the size stays.
    fewer = {w.code for w in volume.warnings if w.code.startswith("missing-slices")} - known
    return not fewer and volume.geometry.almost_equal(told, _TOLERANCE_MM)


def _others(result: StudyResult) -> NodulusError:
    return NodulusError(
        ErrorCode.IMAGES_NOT_FOUND,
        "The images have the series' UID, but are not all that were analysed, or lie elsewhere.",
        remedy="Give the images that the result was made of, or analyse these.",
        subject=result.series_uid,
    )
