"""Fifth operator: the DICOM structured report."""

from __future__ import annotations

from nodulus.app.deploy.case import Case
from nodulus.app.deploy.operators.step import StepOperator


class WriteSrOperator(StepOperator):
    """Makes the DICOM structured report, which refers to the segmentation."""

    def do(self, case: Case) -> None:
        """Make it in memory; the last operator writes the folder as a whole."""
        case.make("sr")
