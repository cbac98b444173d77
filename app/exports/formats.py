"""The formats that a result can be exported to."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.exports.study import ResultToExport


@dataclass(frozen=True)
class ExportFormat:
    """One format.

    Args:
        module: in this folder; its function ``export`` gives the files' bytes by their names.
        meaning: for the help.
        package: that it needs and the application itself does not, by import name.
    """

    module: str
    meaning: str
    package: str | None = None

    def exporter(self) -> Callable[[ResultToExport], dict[str, bytes]]:
        """Import what makes the files.

        Raises:
            NodulusError: ``package-missing``.
        """
        try:
            module = importlib.import_module(f"nodulus.app.exports.{self.module}")
        except ModuleNotFoundError as error:
            if error.name != self.package:
                raise
            raise NodulusError(
                ErrorCode.PACKAGE_MISSING,
                f"This format needs the package py{self.package}.",
                remedy="Install it with: pip install 'nodulus[formats]'.",
            ) from error
        made: Callable[[ResultToExport], dict[str, bytes]] = module.export
        return made


FORMATS: Mapping[str, ExportFormat] = {
    "slicer": ExportFormat("slicer", "3D Slicer: nodules.seg.nrrd, nodules.mrk.json", "nrrd"),
    "nifti": ExportFormat("label_nifti", "nodules.nii.gz with the findings' numbers, nodules.tsv"),
    "rtstruct": ExportFormat("rtstruct", "DICOM RT Structure Set: nodules_rtstruct.dcm"),
    "gsps": ExportFormat("gsps", "DICOM presentation state with outlines: nodules_gsps.dcm"),
    "coco": ExportFormat("coco", "COCO annotations, slice by slice: nodules.coco.json"),
    "fhir": ExportFormat("fhir", "FHIR R4 Bundle: findings.fhir.json"),
    "csv": ExportFormat("findings_csv", "findings.csv with a cohort's columns"),
}
