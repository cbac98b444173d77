"""Third operator: the chain."""

from __future__ import annotations

from nodulus.app.deploy.case import Case
from nodulus.app.deploy.operators.step import StepOperator
from nodulus.app.results.writer import StudyWriter
from nodulus.app.study import analyse_study


class AnalyseOperator(StepOperator):
    """Takes the volume through the chain."""

    def do(self, case: Case) -> None:
        """Fill in the writer of the results; the volume's pixels are let go with it."""
        if case.volume is None:
            raise ValueError("the series was not read")
        work = self.work
        analysed = analyse_study(
            case.study,
            case.volume,
            case.read_s,
            work.models,
            work.settings,
            work.options,
            work.progress_of(case),
        )
        case.writer = StudyWriter(
            case.folder,
            analysed.volume,
            analysed.analysis.labels,
            analysed.result,
            options=work.options,
            intermediates=analysed.intermediates(work.options),
            sensitivities=analysed.analysis.sensitivities,
            probability=analysed.probability(work.options),
        )
        case.volume = None
