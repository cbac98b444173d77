"""One item of a cohort through the chain, in whatever process."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from nodulus.app.chain import ChainSettings, load_models, load_settings
from nodulus.app.chain.models import BUNDLES, model_errors
from nodulus.app.cohort.items import CohortItem
from nodulus.app.cohort.ledger import WHOLE_ITEM, Outcome, Status
from nodulus.app.cohort.memory import peak_mib
from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.guidelines.clinical import ChangingClinicalFile, ClinicalFile
from nodulus.app.marks import OWN_CANDIDATES, OpensCandidates
from nodulus.app.output import OutputFolder
from nodulus.app.private_folder import private_folder
from nodulus.app.process import import_monai
from nodulus.app.reading import Archives, Discovery, StudyInput, find_studies
from nodulus.app.result import PointName
from nodulus.app.results.options import OutputOptions
from nodulus.app.run import StudyOutcome, explained, prepared, run_one
from nodulus.bundles.common.atomic_files import sha256

if TYPE_CHECKING:
    from nodulus.app.chain.network.precision import PrecisionSetting

OURS = frozenset(
    {
        ErrorCode.INTERNAL,
        ErrorCode.MODEL_INVALID,
        ErrorCode.MODEL_NOT_FOUND,
        ErrorCode.MODEL_SERVICE_NOT_REACHABLE,
        ErrorCode.OUTPUT_NOT_WRITABLE,
        ErrorCode.PACKAGE_MISSING,
        ErrorCode.RESULTS_INCOMPLETE,
        ErrorCode.SETTINGS_INVALID,
        ErrorCode.TIME_LIMIT,
        ErrorCode.MEMORY_LIMIT,
        ErrorCode.SOURCE_NOT_REACHABLE,
        ErrorCode.WORKER_DIED,
    }
)
"""Errors that another try may not meet again: the input is not to blame."""

Claim = Callable[[str, Sequence[str]], list[str]]
Put = Callable[[Outcome], None]
Tell = Callable[[str, str], None]
"""Called with a study's key and a step."""


@dataclass(frozen=True)
class RunnerOptions:
    """How every item is analysed; can be pickled.

    Args:
        output: the folder for results.
        models: folder with the three bundles; None for the shipped ones.
        settings: folder with settings; None for the shipped ones.
        operating_point: of the nodule probability; None for the settings' own.
        device: cpu, cuda, cuda:N or auto.
        precision: what networks compute in; None for the settings'.
        results: which files are written.
        threads: of one worker.
        clinical: file of what is known of the patients beside the headers, by study.
        clinical_may_change: whether that file is read again when it has changed.
        candidates: of other tools.
        model_service: URL of a server that has the networks; None for those of this process.
    """

    output: Path
    models: Path | None = None
    settings: Path | None = None
    operating_point: PointName | None = None
    device: str = "auto"
    precision: PrecisionSetting | None = None
    results: OutputOptions = field(default_factory=OutputOptions)
    threads: int = 1
    clinical: Path | None = None
    clinical_may_change: bool = False
    candidates: OpensCandidates | None = None
    model_service: str | None = None

    def start(self) -> ItemRunner:
        """Load the networks in a process that does nothing else.

        Raises:
            NodulusError: as `ItemRunner`.
        """
        import SimpleITK

        import_monai()
        import torch

        torch.set_num_threads(self.threads)
        SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(self.threads)
        return ItemRunner(self)

    def fingerprint(self) -> str:
        """See `run_fingerprint`."""
        return run_fingerprint(self)


class ItemRunner:
    """Has the networks loaded, and runs items.

    Args:
        options: how.

    Raises:
        NodulusError: models, settings or the output folder cannot be used.
    """

    def __init__(self, options: RunnerOptions) -> None:
        options.results.check()
        self._options = options
        self._settings = chain_settings(options)
        precision = options.precision or self._settings.pipeline.precision
        self.models = load_models(options.models, options.device, precision, options.model_service)
        self._output = OutputFolder(options.output)
        kind = ChangingClinicalFile if options.clinical_may_change else ClinicalFile
        self._clinical = kind(options.clinical) if options.clinical else None
        opens = options.candidates
        self._others = OWN_CANDIDATES if opens is None else opens.open()

    @property
    def settings(self) -> ChainSettings:
        """Pipeline settings and operating points."""
        return self._settings

    def run(self, item: CohortItem, claim: Claim, tell: Tell, put: Put) -> list[NodulusError]:
        """Analyse an item's studies, and write their results.

        Args:
            item: what to analyse.
            claim: called with the item's id and the keys of its studies; gives those that are to be
                done.
            tell: called at each step.
            put: called with each outcome, as soon as it is known.

        Returns:
            What in the item could not be used and is no study.
        """
        with ExitStack() as stack:
            try:
                tell(WHOLE_ITEM, "look")
                found = self._found(item, stack)
            except Exception as error:
                put(outcome_of(item, WHOLE_ITEM, explained(error, item.id)))
                return []
            wanted = set(claim(item.id, [study.key for study in found.studies]))
            for study in found.studies:
                if study.key in wanted:
                    put(self._study(item, study, tell))
            if not found.studies and found.problems:
                put(outcome_of(item, WHOLE_ITEM, found.problems[0]))
            return list(found.problems)

    def _study(self, item: CohortItem, study: StudyInput, tell: Tell) -> Outcome:
        began = time.perf_counter(), time.process_time()
        tell(study.key, "read")
        outcome = run_one(
            study,
            self._output,
            self.models,
            self._settings,
            self._options.results,
            lambda study, step, _done, _total: tell(study.key, step),
            self._clinical,
            self._others,
        )
        return _measured(item, outcome, began)

    def _found(self, item: CohortItem, stack: ExitStack) -> Discovery:
        if item.study is not None:
            found = Discovery((item.study,), ())
        elif item.remote is not None:
            folder = stack.enter_context(private_folder())
            item.remote.fetch(folder, objects=self._others.of_study is not None)
            found = find_studies(folder, archives=stack.enter_context(Archives()))
        else:
            assert item.path is not None
            found = find_studies(item.path, archives=stack.enter_context(Archives()))
        return prepared(found, self._options.results)


def chain_settings(options: RunnerOptions) -> ChainSettings:
    """Load the settings of a run.

    Raises:
        NodulusError: ``settings-invalid``.
    """
    return load_settings(options.settings, options.models, operating_point=options.operating_point)


def run_fingerprint(options: RunnerOptions) -> str:
    """Tell results apart that another software, other weights or other settings would give.

    Args:
        options: of the run.

    Raises:
        NodulusError: models or settings cannot be read.
        OSError: the clinical file or one of candidates cannot be read.
    """
    settings = chain_settings(options)
    content = {
        "software": metadata.version("nodulus"),
        "weights": weight_checksums(options.models),
        "settings": settings.model_dump(mode="json"),
        "precision": options.precision,
        "results": asdict(options.results),
    }
    if options.clinical is not None:
        content["clinical"] = sha256(options.clinical)
    if options.candidates is not None:
        content["candidates"] = options.candidates.fingerprint()
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def weight_checksums(folder: Path | None) -> dict[str, str]:
    """Give the checksum of each file that says what a network computes.

    Args:
        folder: with the three bundles; None for the shipped ones.

    Raises:
        NodulusError: ``model-not-found``.
    """
    root = BUNDLES if folder is None else folder
    remedy = "Point --models at a folder with the three bundles."
    with model_errors(root, "a model cannot be read", remedy):
        return {
            f"{name}/{file}": sha256(root / name / file)
            for name in ("segmentation", "nodule", "malignancy")
            for file in ("models/model.pt", "configs/inference.json")
        }


def outcome_of(item: CohortItem, key: str, error: NodulusError) -> Outcome:
    """Give the outcome of what could not be analysed.

    Args:
        item: to which it belongs.
        key: of the study, or `WHOLE_ITEM`.
        error: why.
    """
    status: Status = "failed" if error.code in OURS else "refused"
    return Outcome(
        item.id,
        key,
        status,
        code=error.code.value,
        message=error.message,
        remedy=error.remedy,
        subject=error.subject,
    )


def _measured(item: CohortItem, outcome: StudyOutcome, began: tuple[float, float]) -> Outcome:
    error, result = outcome.error, outcome.result
    status: Status = "done"
    if error is not None:
        status = "failed" if error.code in OURS else "refused"
    return Outcome(
        item.id,
        outcome.study.key,
        status,
        folder=None if outcome.folder is None else outcome.folder.name,
        code=None if error is None else error.code.value,
        message=None if error is None else error.message,
        remedy=None if error is None else error.remedy,
        subject=None if error is None else error.subject,
        findings=None if result is None else len(result.findings),
        wall_s=time.perf_counter() - began[0],
        cpu_s=time.process_time() - began[1],
        peak_mib=peak_mib(),
    )
