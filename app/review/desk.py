"""The studies that are reviewed, and everything that can be done with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, get_args

from numpy.typing import NDArray

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.result import SideName, StudyResult
from nodulus.app.review.double_reading import (
    READERS,
    StudyLogs,
    View,
    logs_by_reader,
    view_of,
)
from nodulus.app.review.entries import MEASURED, Entry, EntryData, Kind, Role
from nodulus.app.review.images import ImageReader, StudyImages
from nodulus.app.review.measure_entry import measure_entry
from nodulus.app.review.one_thread import one_thread
from nodulus.app.review.reading_rule import ReadingRule, reading_rule
from nodulus.app.review.refusals import check_entry
from nodulus.app.review.result_folders import (
    ComingStudy,
    FailedStudy,
    ResultFolder,
    failed_studies,
    read_folder,
    recorded_images,
    study_folders,
)
from nodulus.app.review.review_state import chain_start, next_label
from nodulus.app.review.store import (
    ConflictError,
    NewEntry,
    ReadingsTakenError,
    Store,
    analysis_name,
)


@dataclass(frozen=True)
class Reader:
    """Who decides.

    Args:
        name: as it stands in the log and, as a DICOM person name, in the SR.
        role: in which role.
    """

    name: str
    role: Role = "reader"


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
        view: of the study now.
    """

    def __init__(self, view: View) -> None:
        super().__init__("another entry came first")
        self.view = view


class Desk:
    """Studies, their decisions and their images.

    Args:
        results: folders of results, or single studies' in them.
        store_of: gives the store of the decisions on a folder of results.
        images: reads the CTs.
        models: loads the three networks; called once, when they are first wanted.
        settings: of the chain.
        two_readers: whether studies are read by two readers, blind to each other, and an
            adjudicator.
        rule: how alike two readings are the same; None for the shipped one.
    """

    def __init__(
        self,
        results: Sequence[Path],
        store_of: Callable[[Path], Store],
        images: ImageReader,
        models: Callable[[], Models],
        settings: ChainSettings,
        *,
        two_readers: bool = False,
        rule: ReadingRule | None = None,
    ) -> None:
        self._two_readers = two_readers
        self._rule = rule or reading_rule()
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

    def images_removed(self) -> Mapping[str, str]:
        """When images were removed on purpose (ISO 8601, UTC), by the result's folder."""
        return {}

    def on_their_way(self) -> int | None:
        """How many studies are to come; None where none comes by itself."""
        return None

    def coming(self) -> list[ComingStudy]:
        """Studies that are to come, as far as the work list shows them."""
        return []

    def study(self, key: str) -> DeskStudy:
        """Give one study; one that is not known may have come since the last look.

        Raises:
            NodulusError: ``study-not-found``.
        """
        if key not in self._studies:
            self.refresh()
        found = self._studies.get(key)
        if found is None:
            raise NodulusError(
                ErrorCode.STUDY_NOT_FOUND,
                "There is no such study here.",
                remedy="Go back to the work list and load it again.",
            )
        return found

    def views(self, reader: Reader) -> list[tuple[DeskStudy, View]]:
        """Give every study as a reader is shown it, as the work list needs it."""
        found = []
        studies = self.studies()
        for store in dict.fromkeys(study.store for study in studies):
            own = [study for study in studies if study.store is store]
            readings = store.readings([study.analysis for study in own])
            found += [(s, self._view(s, reader, self._logs(readings, s))) for s in own]
        return found

    def view(self, study: DeskStudy, reader: Reader) -> View:
        """Give a study as a reader is shown it."""
        readings = study.store.readings([study.analysis])
        return self._view(study, reader, self._logs(readings, study))

    def _logs(
        self, readings: Mapping[str, Mapping[str, list[Entry]]], study: DeskStudy
    ) -> StudyLogs:
        return logs_by_reader(readings.get(study.analysis, {}), self._rule)

    def _view(self, study: DeskStudy, reader: Reader, logs: StudyLogs) -> View:
        return view_of(study.result, logs, reader.name, reader.role, blind=self._two_readers)

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

    def early_slice(self, study: DeskStudy, index: int) -> NDArray[Any] | None:
        """Give one slice while the CT is not read yet: HU, shape (1, R, C); None if not at once.

        Args:
            study: of this desk.
            index: along the volume's first axis.
        """
        source = study.source
        return self._images.early_slice(
            study.analysis, source.folder, source.result, source.images, index
        )

    def image_files(self, study: DeskStudy) -> list[Path]:
        """Give the DICOM files of a study's series; none where they are not found."""
        return self._images.files(study.result, study.source.images)

    def prepare(self, study: DeskStudy) -> None:
        """Have a study's images, the networks and their views ready before they are asked for."""

        def work() -> None:
            with suppress(NodulusError):  # told when somebody asks for it
                images = self.images(study)
                _ = images.preview  # the page's first picture of all planes
                with self._chain_lock, one_thread():
                    models = self._chain()
                    for bundle in (models.segmentation, models.nodule, models.malignancy):
                        if bundle.input_kind.startswith("isotropic"):
                            images.scan.isotropic(bundle.isotropic_mm)
                    for side in get_args(SideName):
                        images.lobes.fissures(side)

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
    ) -> View:
        """Add an entry to the log of a study that a reader is shown.

        Args:
            study: of this desk.
            reader: who does it.
            kind: what is done.
            finding: to which finding; None for the study.
            data: of the kind.
            expected_version: the number of entries that the reader has seen.

        Returns:
            The study as it is then.

        Raises:
            StudyConflictError: another entry came first.
            NodulusError: ``entry-refused``, or its images cannot be read.
        """
        view = self.view(study, reader)
        state, entries = view.state, view.entries
        if view.closed:
            raise _refused(view.closed)
        if len(entries) != expected_version:
            raise StudyConflictError(view)
        both = view.first_reads
        start = chain_start(study.result) if both is None else both.start
        check_entry(state, entries, kind, finding, data, start)
        measured = None
        if kind in MEASURED:
            images = self.images(study)
            label = next_label(start, entries)
            if finding is not None and (about := state.finding(finding)) is not None:
                label = about.label
            with self._chain_lock, one_thread():
                measured = measure_entry(
                    images, self._chain(), self.settings, state, finding, data, label
                )
        weights = {model.name: model.sha256 for model in study.result.models}
        if measured is not None and self._models is not None:
            weights = {model.name: model.sha256 for model in self._models.info()}
        new = NewEntry(reader.name, reader.role, kind, finding, data, measured, weights)
        study.store.register(study.key, study.result)
        most_others = READERS - 1 if view.reading else None
        try:
            study.store.append(study.analysis, view.reading, new, expected_version, most_others)
        except ConflictError:
            raise StudyConflictError(self.view(study, reader)) from None
        except ReadingsTakenError:
            raise _refused(self.view(study, reader).closed) from None
        return self.view(study, reader)


def _refused(why: str) -> NodulusError:
    return NodulusError(
        ErrorCode.ENTRY_REFUSED, why, remedy="Go back to the work list for another study."
    )


def _free(name: str, taken: dict[str, DeskStudy]) -> str:
    """A key that no other study has: results of one study may lie in two folders."""
    key, number = name, 1
    while key in taken:
        number += 1
        key = f"{name}~folder-{number}"
    return key
