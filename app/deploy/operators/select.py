"""Second operator: the study's series, as a volume."""

from __future__ import annotations

from nodulus.app.deploy.case import Case
from nodulus.app.deploy.operators.step import StepOperator
from nodulus.app.study import read_study


class SelectSeriesOperator(StepOperator):
    """Reads the series that the written rules chose, or says why none fits."""

    def do(self, case: Case) -> None:
        """Fill in the volume."""
        case.volume, case.read_s = read_study(case.study, self.work.progress_of(case))
