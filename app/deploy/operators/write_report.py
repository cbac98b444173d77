"""Sixth operator: the HTML report."""

from __future__ import annotations

from app.deploy.case import Case
from app.deploy.operators.step import StepOperator


class WriteReportOperator(StepOperator):
    """Makes the HTML report."""

    def do(self, case: Case) -> None:
        """Make it in memory; the last operator writes the folder as a whole."""
        if case.writer is None:
            raise ValueError("the study was not analysed")
        case.writer.make_report()
