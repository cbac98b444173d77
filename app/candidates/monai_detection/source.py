"""MONAI's lung_nodule_ct_detection, run on a scan."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Orientation, ScaleIntensityRange, Spacing
from numpy.typing import NDArray

from nodulus.app.candidates.monai_detection.bundle_settings import (
    DetectionSettings,
    read_detection_settings,
)
from nodulus.app.candidates.monai_detection.retinanet import (
    load_weights,
    make_detector,
    make_network,
)
from nodulus.app.candidates.placed_marks import placed_marks
from nodulus.app.candidates.problems import invalid
from nodulus.app.chain.device import find_device
from nodulus.app.marks import Mark, Marks
from nodulus.app.progress import Progress
from nodulus.app.result import SourceForm
from nodulus.app.volume import CtVolume
from nodulus.bundles.common.atomic_files import sha256
from nodulus.transforms.geometry import apply_affine, ras_to_lps

WEIGHTS = Path("models", "model.pt")


class MonaiDetection:
    """The bundle as a detector: boxes with scores, whose centres are the marks.

    Args:
        path: the bundle's folder as it is downloaded: ``configs/inference.json``,
            ``models/model.pt``.
        name: of the source.
        device: ``cpu``, ``cuda``, ``cuda:1`` or ``auto`` (CUDA where there is one).

    Raises:
        NodulusError: ``candidates-invalid``: the folder is not in the form of that bundle, or its
            weights are not those of its network; ``device-not-available``.
    """

    form: SourceForm = "monai-bundle"
    series_uids: frozenset[str] | None = None
    study_uids: frozenset[str] | None = None
    of_any_scan = True

    def __init__(self, path: Path, name: str, device: str = "auto") -> None:
        self.name = name
        self.path = path
        self._device = find_device(device)
        weights = path / WEIGHTS
        if not weights.is_file():
            raise invalid(
                path,
                "It has no models/model.pt.",
                "Download the bundle with its weights: python -m monai.bundle download"
                " lung_nodule_ct_detection --bundle_dir FOLDER",
            )
        try:
            self.settings = read_detection_settings(path)
            network = make_network(self.settings)
            load_weights(network, weights)
        except Exception as error:  # torch raises many kinds on what is no weight file
            raise invalid(
                path,
                f"It cannot be used as MONAI's lung_nodule_ct_detection: {error}.",
                "Give that bundle's folder as it is downloaded.",
            ) from error
        self.sha256 = sha256(weights)
        self._network = network.eval().to(self._device)

    def marks(self, volume: CtVolume, report: Progress) -> Marks:
        """See :class:`nodulus.app.marks.CandidateSource`."""
        boxes_lps_mm, scores = self.boxes(volume)
        report(1, 1)
        marks = [
            Mark((float(x), float(y), float(z)), float(score))
            for (x, y, z), score in zip(boxes_lps_mm.mean(axis=1), scores, strict=True)
        ]
        return placed_marks(marks, volume, self.name, self.path, algorithm=self.settings.name)

    def boxes(self, volume: CtVolume) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The boxes of a scan.

        Args:
            volume: the scan.

        Returns:
            Two opposite corners of each box in LPS mm, float64, shape (boxes, 2, 3), and their
            scores, float64, shape (boxes,).
        """
        image = prepared_image(volume, self.settings)
        detector = make_detector(self.settings, self._network)
        voxels, window = image[0].numel(), math.prod(self.settings.windows.roi_size)
        cut = self.settings.windows.always or voxels >= window
        with torch.inference_mode():
            (found,) = detector([image.as_tensor().to(self._device)], use_inferer=cut)
        index = found["box"].double().cpu().numpy().reshape(-1, 2, 3)
        affine = np.asarray(image.affine, dtype=np.float64)
        scores = found["label_scores"].double().cpu().numpy()
        return ras_to_lps(apply_affine(affine, index)), scores


def prepared_image(volume: CtVolume, settings: DetectionSettings) -> MetaTensor:
    """The scan as the bundle's preprocessing gives it to the network.

    Args:
        volume: the scan.
        settings: of the bundle.

    Returns:
        Shape (1, X, Y, Z) in RAS order, with its affine.
    """
    hu = torch.from_numpy(np.ascontiguousarray(volume.hu, dtype=np.float32))[None]
    low, high = settings.hu
    steps = Compose(
        [
            Orientation(axcodes="RAS"),
            Spacing(pixdim=settings.spacing_mm),
            ScaleIntensityRange(a_min=low, a_max=high, b_min=0.0, b_max=1.0, clip=True),
        ]
    )
    image = steps(MetaTensor(hu, affine=torch.from_numpy(volume.geometry.affine_ras.copy())))
    assert isinstance(image, MetaTensor)
    return image
