"""Fourth operator: the DICOM segmentation."""

from __future__ import annotations

from nodulus.app.deploy.case import Case
from nodulus.app.deploy.operators.step import StepOperator


class WriteSegOperator(StepOperator):
    """Makes the DICOM segmentation."""

    def do(self, case: Case) -> None:
        """Make it in memory; the last operator writes the folder as a whole."""
        case.make("seg", "mask")
