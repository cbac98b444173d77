"""Candidates of a 3D network that looks at patches of isotropic voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nodulus.app.chain.candidate_records import find_candidates, steady_center
from nodulus.app.chain.detector import Detection
from nodulus.app.chain.network.segment import segment
from nodulus.app.chain.scan import Scan
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.chain.steps import Steps
from nodulus.transforms.windowing import window

if TYPE_CHECKING:
    import torch

    from nodulus.app.chain.network.loading import LoadedBundle


class PatchDetector:
    """Sliding window over the region's box, inside the region.

    Args:
        bundle: of the kind ``isotropic_patches``.
        device: where its network is.
    """

    def __init__(self, bundle: LoadedBundle, device: torch.device) -> None:
        self._bundle = bundle
        self._device = device

    def detect(self, scan: Scan, settings: ChainSettings, steps: Steps) -> Detection:
        """See :class:`nodulus.app.chain.detector.Detector`."""
        bundle = self._bundle
        with steps("resample"):
            view = scan.isotropic(bundle.isotropic_mm)
            grid = view.geometry
            region = scan.region_on(grid)
        with steps("segmentation") as report:
            probability = segment(
                view.hu,
                region,
                bundle.network,
                scale=lambda hu: window(hu, bundle.window_hu, bundle.input_range),
                roi_size=bundle.roi_size,
                pipeline=settings.pipeline,
                device=self._device,
                progress=report,
            )
        with steps("candidates"):
            candidates, dropped = find_candidates(probability, grid, region, settings)
            cut = settings.operating_points.segmentation_voxel.threshold
            index = [steady_center(c, probability, cut) for c in candidates]
            points = grid.index_to_lps(np.asarray(index).reshape(-1, 3)).tolist()
        return Detection(
            probability,
            grid,
            tuple(candidates),
            tuple(dropped),
            tuple((x, y, z) for x, y, z in points),
        )
