"""What travels between the operators, and what they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nodulus.app.marks import OWN_CANDIDATES, OtherCandidates
from nodulus.app.results.write_results import MadeResults, make_results, publish_results
from nodulus.app.run import StudyOutcome, explained, written_outcome

if TYPE_CHECKING:
    from nodulus.app.chain import ChainSettings, Models
    from nodulus.app.errors import NodulusError
    from nodulus.app.guidelines.clinical import ClinicalFile
    from nodulus.app.output import OutputFolder
    from nodulus.app.reading import Archives, Discovery, StudyInput
    from nodulus.app.results.options import OutputOptions
    from nodulus.app.results.study_plan import StudyPlan
    from nodulus.app.volume import CtVolume


@dataclass(eq=False)
class Case:
    """One study on its way through the operators; each fills in its part.

    Args:
        study: as it was found.
        folder: where its results will be.
        volume: of the chosen series.
        read_s: seconds that reading it took.
        plan: of the results, once the study is analysed.
        made: of the results, as far as they are.
        error: what stopped it; the operators after that let the case pass.
    """

    study: StudyInput
    folder: Path
    volume: CtVolume | None = None
    read_s: float = 0.0
    plan: StudyPlan | None = None
    made: MadeResults = field(default_factory=MadeResults)
    error: NodulusError | None = None

    def make(self, *writers: str) -> None:
        """Make some of the planned results, in memory.

        Raises:
            ValueError: the study was not analysed.
        """
        if self.plan is None:
            raise ValueError("the study was not analysed")
        self.made |= make_results(self.plan, writers)

    def publish(self) -> StudyOutcome:
        """Put what was made in its place, and say what became of the study."""
        if self.error is not None:
            return StudyOutcome(self.study, None, self.error)
        try:
            if self.plan is None:
                raise ValueError("the study was not analysed")
            written = publish_results(self.folder, self.plan, self.made)
        except Exception as error:
            return StudyOutcome(self.study, None, explained(error, self.study.key))
        return written_outcome(self.study, written)


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
        clinical: what is known of the patients beside the headers.
        others: candidates of other tools.
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
    clinical: ClinicalFile | None = None
    others: OtherCandidates = OWN_CANDIDATES
    discovery: Discovery | None = None
    outcomes: list[StudyOutcome] = field(default_factory=list)

    def progress_of(self, case: Case) -> Callable[[str, int, int], None]:
        """The progress call for one study's steps."""
        return lambda step, done, total: self.progress(case.study, step, done, total)
