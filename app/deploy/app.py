"""The MONAI Deploy application."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from monai.deploy.core import Application

from nodulus.app.deploy.case import Work
from nodulus.app.deploy.operators import (
    AnalyseOperator,
    LoadStudiesOperator,
    PublishOperator,
    SelectSeriesOperator,
    WriteReportOperator,
    WriteSegOperator,
    WriteSrOperator,
)
from nodulus.app.deploy.operators.step import PORT


class NodulusApplication(Application):
    """Load, select, analyse, write SEG, write SR, write report, publish.

    Args:
        work: what there is to do; its ``outcomes`` are filled in while the application runs.
    """

    def __init__(self, work: Work, *args: Any, **kwargs: Any) -> None:
        self.work = work
        super().__init__(*args, **kwargs)

    def compose(self) -> None:
        """Chain the operators."""
        load = LoadStudiesOperator(self, work=self.work, name="load")
        operators = [
            load,
            SelectSeriesOperator(self, work=self.work, name="select"),
            AnalyseOperator(self, work=self.work, name="analyse"),
            WriteSegOperator(self, work=self.work, name="write_seg"),
            WriteSrOperator(self, work=self.work, name="write_sr"),
            WriteReportOperator(self, work=self.work, name="write_report"),
            PublishOperator(self, work=self.work, go_on=load.go_on, name="publish"),
        ]
        for before, after in pairwise(operators):
            self.add_flow(before, after, {(PORT, PORT)})
