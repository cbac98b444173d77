"""Candidates of a 3D network that looks at patches of isotropic voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.chain.candidates import find_candidates
from app.chain.detector import Detection
from app.chain.scan import Scan
from app.chain.segment import segment
from app.chain.settings import ChainSettings
from app.chain.steps import Steps
from transforms.windowing import window

if TYPE_CHECKING:
    import torch

    from bundles.common.loading import LoadedBundle


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
        """See :class:`app.chain.detector.Detector`."""
        bundle = self._bundle
        with steps("resample"):
            view = scan.isotropic(bundle.isotropic_mm)
            grid = view.geometry
            region = scan.region_on(grid)
        with steps("segmentation") as report:
            probability = segment(
                window(view.hu, bundle.window_hu, bundle.input_range),
                region,
                bundle.network,
                roi_size=bundle.roi_size,
                overlap=settings.pipeline.patch_overlap,
                batch=settings.pipeline.patch_batch,
                device=self._device,
                progress=report,
            )
        with steps("candidates"):
            candidates, dropped = find_candidates(probability, grid, region, settings)
        return Detection(probability, grid, tuple(candidates), tuple(dropped))
