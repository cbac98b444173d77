"""What the operators between the first and the last have in common."""

from __future__ import annotations

from typing import Any

from monai.deploy.core import Operator, OperatorSpec

from nodulus.app.deploy.case import Case, Work
from nodulus.app.run import explained

PORT = "case"


class StepOperator(Operator):
    """Takes a case, does one step of it, and passes it on.

    An error stops the case, not the application: the other studies must get their results.

    Args:
        work: what all operators share.
    """

    def __init__(self, fragment: Any, *args: Any, work: Work, **kwargs: Any) -> None:
        self.work = work
        super().__init__(fragment, *args, **kwargs)

    def setup(self, spec: OperatorSpec) -> None:
        """Declare one port in and one out."""
        spec.input(PORT)
        spec.output(PORT)

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        """Do the step, unless an earlier one failed."""
        case = op_input.receive(PORT)
        if case.error is None:
            try:
                self.do(case)
            except Exception as error:
                case.error = explained(error, case.study.key)
        op_output.emit(case, PORT)

    def do(self, case: Case) -> None:
        """Do this operator's part."""
        raise NotImplementedError
