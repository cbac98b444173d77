"""The operators of the MONAI Deploy application: thin, one a file.

All but the first and the last take a case, do their part through the same functions that
`nodulus detect` calls, and pass it on. They import the SDK: call
:func:`nodulus.app.deploy.sdk.prepare_sdk` before them.
"""

from nodulus.app.deploy.operators.analyse import AnalyseOperator
from nodulus.app.deploy.operators.load import LoadStudiesOperator
from nodulus.app.deploy.operators.publish import PublishOperator
from nodulus.app.deploy.operators.select import SelectSeriesOperator
from nodulus.app.deploy.operators.write_report import WriteReportOperator
from nodulus.app.deploy.operators.write_seg import WriteSegOperator
from nodulus.app.deploy.operators.write_sr import WriteSrOperator

__all__ = [
    "AnalyseOperator",
    "LoadStudiesOperator",
    "PublishOperator",
    "SelectSeriesOperator",
    "WriteReportOperator",
    "WriteSegOperator",
    "WriteSrOperator",
]
