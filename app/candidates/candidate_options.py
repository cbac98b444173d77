"""What a command was told of other tools' candidates; opened where it is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nodulus.app.candidates.open_candidates import open_candidates, open_file
from nodulus.app.candidates.problems import invalid
from nodulus.app.candidates.study_objects import STUDY_SOURCE, StudyObjects
from nodulus.app.marks import OtherCandidates, ScanSources
from nodulus.app.reading.files import list_files
from nodulus.bundles.common.atomic_files import sha256

if TYPE_CHECKING:
    from nodulus.app.candidates.open_candidates import FileCandidates


@dataclass(frozen=True)
class CandidateOptions:
    """Files of candidates, and whether a study's own objects are some; can be pickled.

    Args:
        given: each ``[NAME=]FILE[#LABEL]``.
        only: whether there are to be no others.
        of_study: whether the SEG, RTSTRUCT and SR that come with the images are candidates.
        deidentify: results are de-identified, so that no file name may go into them.
        device: where a network among the files runs.
    """

    given: tuple[str, ...] = ()
    only: bool = False
    of_study: bool = False
    deidentify: bool = False
    device: str = "auto"

    def open(self) -> OtherCandidates:
        """See :class:`nodulus.app.marks.OpensCandidates`."""
        return self.of(self.sources())

    def of(self, sources: Sequence[FileCandidates]) -> OtherCandidates:
        """Candidates of files that are open.

        Args:
            sources: as `sources` gave them.
        """
        return OtherCandidates(
            tuple(sources), self.only, self._objects() if self.of_study else None
        )

    def for_many(self) -> OtherCandidates:
        """Open the files where they stay for whatever scans come.

        Raises:
            NodulusError: ``candidates-invalid``: a file cannot be used, two have one name, or one
                does not say of which scan it is.
        """
        sources = self.sources()
        check_several(sources)
        return self.of(sources)

    def sources(self) -> tuple[FileCandidates, ...]:
        """Open the files.

        Raises:
            NodulusError: a file cannot be used, or two have one name.
        """
        sources: list[FileCandidates] = []
        names = {STUDY_SOURCE} if self.of_study else set[str]()
        for text in self.given:
            name, path, label = parts(text)
            if name is None and self.deidentify:
                raise invalid(
                    path,
                    "With --deidentify no file name may go into the results, and these candidates"
                    " have no other name.",
                    "Give them one: --candidates NAME=FILE.",
                )
            source = open_candidates(path, name, label=label, device=self.device)
            if source.name in names:
                raise invalid(
                    path,
                    f"Two sources of candidates are called {source.name!r}.",
                    "Give one of them another name: --candidates NAME=FILE.",
                )
            names.add(source.name)
            sources.append(source)
        return tuple(sources)

    def fingerprint(self) -> str:
        """See :class:`nodulus.app.marks.OpensCandidates`."""
        digest = hashlib.sha256(f"{self.given} {self.only} {self.of_study}".encode())
        for text in self.given:
            path = parts(text)[1]
            if path.is_file():
                digest.update(sha256(path).encode())
                continue
            for file in list_files(path).files:
                state = file.stat()
                name = file.relative_to(path)
                digest.update(f"{name} {state.st_size} {state.st_mtime_ns}".encode())
        return digest.hexdigest()

    def _objects(self) -> Callable[[Sequence[Path]], ScanSources]:
        opened = partial(open_file, named_only=True)
        return lambda paths: StudyObjects(tuple(paths), opened, self.deidentify)


def names_its_scan(source: FileCandidates) -> bool:
    """Tell whether a file says of which scan it is; a label image or markups alone do not.

    Args:
        source: as opened.
    """
    return source.of_any_scan or source.series_uids is not None or source.study_uids is not None


def check_several(sources: Sequence[FileCandidates]) -> None:
    """Check that each file says of which scan it is, where there may be many.

    Args:
        sources: as opened.

    Raises:
        NodulusError: ``candidates-invalid``.
    """
    for source in sources:
        if not names_its_scan(source):
            raise invalid(
                source.path,
                "It does not say of which scan it is, and there may be several.",
                "Give a folder with files that are named after the scans, a DICOM SEG, or a table"
                " with a column seriesuid.",
            )


def parts(text: str) -> tuple[str | None, Path, str | None]:
    """Name, file and label of ``[NAME=]FILE[#LABEL]``; a file that is there is taken as it is."""
    if Path(text).exists():
        return None, Path(text), None
    name, found, rest = text.partition("=")
    if not found or "/" in name or "\\" in name:
        name, rest = "", text
    path = Path(rest)
    label: str | None = None
    if not path.exists() and "#" in rest:
        before, _, label = rest.rpartition("#")
        path = Path(before)
    return name or None, path, label or None
