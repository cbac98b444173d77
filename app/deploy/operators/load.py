"""First operator: the studies of the input."""

from __future__ import annotations

from typing import Any

from holoscan.conditions import BooleanCondition
from monai.deploy.core import Operator, OperatorSpec

from nodulus.app.deploy.case import Case, Work
from nodulus.app.deploy.operators.step import PORT
from nodulus.app.reading import find_studies
from nodulus.app.run import prepared


class LoadStudiesOperator(Operator):
    """Looks through the input once and sends one study after the other.

    It uses Nodulus's own reader, not the SDK's: the SDK's loader and volume operator do not check
    the slices' geometry. A study is sent when the one before it is published, so that one volume
    at a time is in memory.

    Args:
        work: what all operators share.

    Raises:
        NodulusError: the input does not exist, cannot be read, is empty, or holds no image; or
            the clinical facts may be of one of several studies.
    """

    def __init__(self, fragment: Any, *args: Any, work: Work, **kwargs: Any) -> None:
        self.work = work
        self._more = BooleanCondition(fragment, name="more", enable_tick=True)
        self._next = 0
        super().__init__(fragment, self._more, *args, **kwargs)

    def setup(self, spec: OperatorSpec) -> None:
        """Declare one port out."""
        spec.output(PORT)

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        """Send the next study and wait."""
        self._more.disable_tick()
        work = self.work
        if work.discovery is None:
            found = find_studies(work.source, archives=work.archives)
            if work.clinical is not None and len(found.studies) > 1:
                work.clinical.check_several()
            work.discovery = prepared(found, work.options)
        studies = work.discovery.studies
        if self._next < len(studies):
            study = studies[self._next]
            op_output.emit(Case(study, self.work.output.study(study.key)), PORT)
            self._next += 1

    def go_on(self) -> None:
        """Send the next study, if there is one."""
        found = self.work.discovery
        if found is not None and self._next < len(found.studies):
            self._more.enable_tick()
