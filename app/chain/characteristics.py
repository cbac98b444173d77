"""What readers would say of a nodule's look: spiculated, solid, calcified, of a sharp margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nodulus.app.chain.recalibration import recalibrated
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.settings_sections import CharacteristicSettings
from nodulus.app.result import Characteristic

if TYPE_CHECKING:
    from nodulus.app.chain.models import Models


def rate_characteristics(
    scan: ScanViews,
    points_lps_mm: Sequence[Sequence[float]],
    models: Models,
    settings: Sequence[CharacteristicSettings],
) -> list[tuple[Characteristic, ...]]:
    """Ask the malignancy network for its other answers.

    Masses, which classifiers see in larger voxels, get none: the network has learnt these
    characteristics in voxels of its own size.

    Args:
        scan: the volume and its views.
        points_lps_mm: where the malignancy classifier looked.
        models: of the chain; a malignancy bundle without ``ratings`` gives no characteristics.
        settings: which ones are told, their scales and where they are unsure.

    Returns:
        One tuple a point, in the order of the settings.
    """
    bundle = models.malignancy
    told = [one for one in settings if one.name in bundle.ratings]
    if not told:
        return [() for _ in points_lps_mm]
    network: Any = bundle.network  # see LoadedBundle.ratings
    rated: list[tuple[Characteristic, ...]] = []
    for point in points_lps_mm:
        if scan.crop_spacing_mm(point, bundle.isotropic_mm) != bundle.isotropic_mm:
            rated.append(())
            continue
        crop = models.malignancy_classifier.crop(scan, point)
        seen = torch.from_numpy(np.ascontiguousarray(crop.values))[None, None].to(models.device)
        with torch.inference_mode():
            answers = torch.sigmoid(network.every_output(seen).float())[0].tolist()
        rated.append(tuple(_told(one, answers[bundle.ratings.index(one.name)]) for one in told))
    return rated


def _told(one: CharacteristicSettings, answer: float) -> Characteristic:
    probability = float(recalibrated(answer, one.temperature, one.offset))
    present: bool | None = None
    if probability >= one.present_from:
        present = True
    elif probability < one.absent_below:
        present = False
    return Characteristic(name=one.name, probability=probability, present=present)
