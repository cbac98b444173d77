"""What travels between the operators, and what they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nodulus.app.chain import ChainSettings, Models
    from nodulus.app.errors import NodulusError
    from nodulus.app.output import OutputFolder
    from nodulus.app.reading import Archives, Discovery, StudyInput
    from nodulus.app.result import StudyResult
    from nodulus.app.results.options import OutputOptions
    from nodulus.app.results.writer import StudyWriter
    from nodulus.app.run import StudyOutcome
    from nodulus.app.volume import CtVolume


@dataclass(eq=False)
class Case:
    """One study on its way through the operators; each fills in its part.

    Args:
        study: as it was found.
        folder: where its results will be.
        volume: of the chosen series.
        read_s: seconds that reading it took.
        writer: of the results, once the study is analysed.
        result: as written.
        error: what stopped it; the operators after that let the case pass.
    """

    study: StudyInput
    folder: Path
    volume: CtVolume | None = None
    read_s: float = 0.0
    writer: StudyWriter | None = None
    result: StudyResult | None = None
    error: NodulusError | None = None


@dataclass(eq=False)
class Work:
    """What one run of the application is to do, and what has become of it.

    Args:
        source: the input folder or file.
        archives: unpacks zip files of the input.
        output: where results go.
        models: the three networks.
        settings: pipeline settings and operating points.
        options: which files are written.
        progress: called with (study, step, done, total).
        finished: called after each study.
        discovery: what the input holds, once it was looked through.
        outcomes: of the studies that are done.
    """

    source: Path
    archives: Archives
    output: OutputFolder
    models: Models
    settings: ChainSettings
    options: OutputOptions
    progress: Callable[[StudyInput, str, int, int], None]
    finished: Callable[[StudyOutcome], None]
    discovery: Discovery | None = None
    outcomes: list[StudyOutcome] = field(default_factory=list)

    def progress_of(self, case: Case) -> Callable[[str, int, int], None]:
        """The progress call for one study's steps."""
        return lambda step, done, total: self.progress(case.study, step, done, total)
