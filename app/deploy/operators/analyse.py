"""Third operator: the chain."""

from __future__ import annotations

from nodulus.app.deploy.case import Case
from nodulus.app.deploy.operators.step import StepOperator
from nodulus.app.results.folder import check_folder
from nodulus.app.results.study_plan import plan
from nodulus.app.study import analyse_study


class AnalyseOperator(StepOperator):
    """Takes the volume through the chain."""

    def do(self, case: Case) -> None:
        """Fill in the plan of the results; the volume's pixels are let go with it."""
        if case.volume is None:
            raise ValueError("the series was not read")
        work = self.work
        analysis = analyse_study(
            case.study,
            case.volume,
            case.read_s,
            work.models,
            work.settings,
            work.options,
            work.progress_of(case),
            work.clinical,
            work.others,
        )
        check_folder(case.folder)
        case.plan = plan(case.volume, analysis, work.options)
        case.volume = None
