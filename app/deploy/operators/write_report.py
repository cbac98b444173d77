"""Sixth operator: the report, its pictures, its PDF and its summary."""

from __future__ import annotations

from nodulus.app.deploy.case import Case
from nodulus.app.deploy.operators.step import StepOperator


class WriteReportOperator(StepOperator):
    """Makes the HTML report, the key images, the PDF and the summary, where they are wanted."""

    def do(self, case: Case) -> None:
        """Make it in memory; the last operator writes the folder as a whole."""
        case.make("key_objects", "key_images", "gsps", "pdf", "intermediates", "report", "summary")
