"""The studies that are reviewed, and everything that can be done with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import StudyResult
from nodulus.app.review.entries import MEASURED, Entry, EntryData, Kind, Role
from nodulus.app.review.images import ImageReader, StudyImages
from nodulus.app.review.measure_entry import measure_entry
from nodulus.app.review.refusals import check_entry
from nodulus.app.review.result_folders import (
    FailedStudy,
    ResultFolder,
    failed_studies,
    read_folder,
    recorded_images,
    study_folders,
)
from nodulus.app.review.review_state import ReviewState, next_label, reviewed
from nodulus.app.review.store import ConflictError, NewEntry, Store, analysis_name


@dataclass(frozen=True)
class Reader:
    """Who decides.

    Args:
        name: as it stands in the log and, as a DICOM person name, in the SR.
        role: in which role.
        reading: whose log is read and written: empty for the one that all readers share.
    """

    name: str
    role: Role = "reader"
    reading: str = ""


@dataclass(frozen=True, eq=False)
class DeskStudy:
    """One study on the desk.

    Args:
        key: names it in the application.
        source: its result.
        analysis: names the result in the store.
        store: of its decisions.
    """

    key: str
    source: ResultFolder
    analysis: str
    store: Store

    @property
    def result(self) -> StudyResult:
        """As the chain left it."""
        return self.source.result


class StudyConflictError(Exception):
    """Another entry came first.

    Args:
        state: of the study now.
    """

    def __init__(self, state: ReviewState) -> None:
        super().__init__("another entry came first")
        self.state = state


class Desk:
    """Studies, their decisions and their images.

    Args:
        results: folders of results, or single studies' in them.
        store_of: gives the store of the decisions on a folder of results.
        images: reads the CTs.
        models: loads the three networks; called once, when they are first wanted.
        settings: of the chain.
    """

    def __init__(
        self,
        results: Sequence[Path],
        store_of: Callable[[Path], Store],
        images: ImageReader,
        models: Callable[[], Models],
        settings: ChainSettings,
    ) -> None:
        self._results = tuple(results)
        self._store_of = store_of
        self._stores: dict[Path, Store] = {}
        self._images = images
        self._load_models = models
        self._models: Models | None = None
        self.settings = settings
        self._studies: dict[str, DeskStudy] = {}
        self._lock, self._chain_lock = Lock(), Lock()
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self.refresh()

    def close(self) -> None:
        """Close the stores, and remove what was unpacked."""
        self._ahead.shutdown(cancel_futures=True)
        self._images.close()
        for store in self._stores.values():
            store.close()

    def refresh(self) -> None:
        """Look again for results: new ones, and those that were made anew."""
        with self._lock:
            known = {study.source.folder: study for study in self._studies.values()}
            studies: dict[str, DeskStudy] = {}
            for path in self._results:
                for folder in study_folders(path):
                    before = known.get(folder)
                    source = read_folder(
                        folder, None if before is None else before.source, self.recorded_images
                    )
                    if source is None:
                        continue
                    if before is not None and before.source is not source:
                        self._images.forget(before.source.images)
                    key = _free(folder.name, studies)
                    if before is not None and before.source is source and before.key == key:
                        studies[key] = before
                        continue
                    store = self._store(folder.parent)
                    studies[key] = DeskStudy(key, source, analysis_name(source.result), store)
            self._studies = studies

    def recorded_images(self, folder: Path) -> Path | None:
        """Where the images of a result's folder were when it was made."""
        return recorded_images(folder)

    def _store(self, root: Path) -> Store:
        if root not in self._stores:
            self._stores[root] = self._store_of(root)
        return self._stores[root]

    def studies(self) -> list[DeskStudy]:
        """All studies, by key."""
        return [self._studies[key] for key in sorted(self._studies)]

    def failed(self) -> list[FailedStudy]:
        """Studies that could not be analysed."""
        return [failed for path in self._results for failed in failed_studies(path)]

    def on_their_way(self) -> int | None:
        """How many studies are to come; None where none comes by itself."""
        return None

    def study(self, key: str) -> DeskStudy:
        """Give one study.

        Raises:
            NodulusError: ``study-not-found``.
        """
        try:
            return self._studies[key]
        except KeyError:
            raise NodulusError(
                ErrorCode.STUDY_NOT_FOUND,
                "There is no such study here.",
                remedy="Go back to the work list and load it again.",
            ) from None

    def states(self, reader: Reader) -> list[tuple[DeskStudy, ReviewState]]:
        """Give every study with its state, as the work list needs it."""
        found = []
        studies = self.studies()
        for store in dict.fromkeys(study.store for study in studies):
            own = [study for study in studies if study.store is store]
            logs = store.logs([study.analysis for study in own], reader.reading)
            found += [(s, reviewed(s.result, logs.get(s.analysis, []))) for s in own]
        return found

    def log(self, study: DeskStudy, reader: Reader) -> list[Entry]:
        """Give a study's entries."""
        return study.store.entries(study.analysis, reader.reading)

    def state(self, study: DeskStudy, reader: Reader) -> ReviewState:
        """Give a study's state."""
        return reviewed(study.result, self.log(study, reader))

    def has_images(self, study: DeskStudy) -> bool:
        """Whether it is worth asking for a study's images; nothing is read."""
        recorded = study.source.images
        return self._images.has_places or (recorded is not None and recorded.exists())

    def images(self, study: DeskStudy) -> StudyImages:
        """Give a study's images.

        Raises:
            NodulusError: ``images-not-found``, or they cannot be read.
        """
        source = study.source
        return self._images.images(study.analysis, source.folder, source.result, source.images)

    def prepare(self, study: DeskStudy) -> None:
        """Have a study's images, the networks and their views ready before they are asked for."""

        def work() -> None:
            with suppress(NodulusError):  # told when somebody asks for it
                images = self.images(study)
                with self._chain_lock:
                    models = self._chain()
                    for bundle in (models.segmentation, models.nodule, models.malignancy):
                        if bundle.input_kind.startswith("isotropic"):
                            images.scan.isotropic(bundle.isotropic_mm)

        with suppress(RuntimeError):  # the application is ending
            self._ahead.submit(work)

    def _chain(self) -> Models:
        if self._models is None:
            self._models = self._load_models()
        return self._models

    def record(
        self,
        study: DeskStudy,
        reader: Reader,
        kind: Kind,
        finding: str | None,
        data: EntryData,
        expected_version: int,
    ) -> ReviewState:
        """Add an entry to a study's log.

        Args:
            study: of this desk.
            reader: who does it.
            kind: what is done.
            finding: to which finding; None for the study.
            data: of the kind.
            expected_version: the number of entries that the reader has seen.

        Returns:
            The new state.

        Raises:
            StudyConflictError: another entry came first.
            NodulusError: ``entry-refused``, or its images cannot be read.
        """
        entries = self.log(study, reader)
        state = reviewed(study.result, entries)
        if len(entries) != expected_version:
            raise StudyConflictError(state)
        check_entry(state, entries, kind, finding, data)
        measured = None
        if kind in MEASURED:
            images = self.images(study)
            label = next_label(study.result, entries)
            if finding is not None and (about := state.finding(finding)) is not None:
                label = about.label
            with self._chain_lock:
                measured = measure_entry(
                    images, self._chain(), self.settings, state, finding, data, label
                )
        weights = {model.name: model.sha256 for model in study.result.models}
        if measured is not None and self._models is not None:
            weights = {model.name: model.sha256 for model in self._models.info()}
        new = NewEntry(reader.name, reader.role, kind, finding, data, measured, weights)
        study.store.register(study.key, study.result)
        try:
            entry = study.store.append(study.analysis, reader.reading, new, expected_version)
        except ConflictError:
            raise StudyConflictError(self.state(study, reader)) from None
        return reviewed(study.result, [*entries, entry])


def _free(name: str, taken: dict[str, DeskStudy]) -> str:
    """A key that no other study has: results of one study may lie in two folders."""
    key, number = name, 1
    while key in taken:
        number += 1
        key = f"{name}~folder-{number}"
    return key
