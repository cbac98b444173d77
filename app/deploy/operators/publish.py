"""Last operator: the results, in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monai.deploy.core import Operator, OperatorSpec

from nodulus.app.deploy.case import Work
from nodulus.app.deploy.operators.step import PORT
from nodulus.app.run import noted, study_entry


class PublishOperator(Operator):
    """Puts a study's folder in place and asks for the next study.

    Args:
        work: what all operators share.
        go_on: asks for the next study.
    """

    def __init__(
        self, fragment: Any, *args: Any, work: Work, go_on: Callable[[], None], **kwargs: Any
    ) -> None:
        self.work = work
        self._go_on = go_on
        super().__init__(fragment, *args, **kwargs)

    def setup(self, spec: OperatorSpec) -> None:
        """Declare one port in."""
        spec.input(PORT)

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        """Publish one study."""
        case = op_input.receive(PORT)
        options = self.work.options
        outcome = noted(case.publish(), case.folder, options)
        self.work.outcomes.append(outcome)
        self.work.output.record([study_entry(outcome, options)])
        self.work.finished(outcome)
        self._go_on()
