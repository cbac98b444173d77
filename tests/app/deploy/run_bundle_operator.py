"""A DICOM series through the App SDK's own operators and a bundle of the model zoo.

Arguments: the DICOM folder, the bundle's folder, and the .npy file for the mask.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from nodulus.app.deploy.sdk import prepare_sdk

prepare_sdk()

from monai.deploy.conditions import CountCondition  # noqa: E402
from monai.deploy.core import AppContext, Application, Image, IOType, Operator  # noqa: E402
from monai.deploy.operators import (  # noqa: E402
    DICOMDataLoaderOperator,
    DICOMSeriesSelectorOperator,
    DICOMSeriesToVolumeOperator,
)
from monai.deploy.operators.monai_bundle_inference_operator import (  # noqa: E402
    BundleConfigNames,
    IOMapping,
    MonaiBundleInferenceOperator,
)


class KeepOperator(Operator):
    """Writes the image that it gets.

    Args:
        path: of the file.
    """

    def __init__(self, fragment: Any, *args: Any, path: Path, **kwargs: Any) -> None:
        self._path = path
        super().__init__(fragment, *args, **kwargs)

    def setup(self, spec: Any) -> None:
        spec.input("image")

    def compute(self, op_input: Any, _op_output: Any, _context: Any) -> None:
        np.save(self._path, op_input.receive("image").asnumpy())


class BundleApplication(Application):
    """Load, select, read, infer, keep."""

    def __init__(self, dicom: Path, bundle: Path, mask: Path) -> None:
        self._dicom, self._bundle, self._mask = dicom, bundle, mask
        super().__init__([])

    def compose(self) -> None:
        once = CountCondition(self, 1)  # else it loads again and again
        load = DICOMDataLoaderOperator(self, once, input_folder=self._dicom, name="load")
        select = DICOMSeriesSelectorOperator(self, rules="", name="select")
        read = DICOMSeriesToVolumeOperator(self, name="read")
        infer = MonaiBundleInferenceOperator(
            self,
            app_context=AppContext({}),
            input_mapping=[IOMapping("image", Image, IOType.IN_MEMORY)],
            output_mapping=[IOMapping("pred", Image, IOType.IN_MEMORY)],
            bundle_path=self._bundle,
            bundle_config_names=BundleConfigNames(
                config_names=["deploy"], postproc_name="mask_postprocessing"
            ),
            name="infer",
        )
        keep = KeepOperator(self, path=self._mask, name="keep")
        self.add_flow(load, select, {("dicom_study_list", "dicom_study_list")})
        studies = "study_selected_series_list"
        self.add_flow(select, read, {(studies, studies)})
        self.add_flow(read, infer, {("image", "image")})
        self.add_flow(infer, keep, {("pred", "image")})


if __name__ == "__main__":
    BundleApplication(*map(Path, sys.argv[1:4])).run()
