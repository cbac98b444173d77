"""Candidates of a 3D network that looks at patches of isotropic voxels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nodulus.app.chain.candidate_records import find_candidates, steady_center
from nodulus.app.chain.coarse_pass import find_masses
from nodulus.app.chain.join_masses import Joined, join_masses
from nodulus.app.chain.mass_settings import MassSettings
from nodulus.app.chain.network.segment_nodules import segment_nodules
from nodulus.app.chain.protocols import Detection
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.settings import ChainSettings
from nodulus.app.chain.timed_steps import Steps
from nodulus.transforms.windowing import window

if TYPE_CHECKING:
    import torch

    from nodulus.app.chain.network.loading import LoadedBundle


class PatchDetector:
    """Sliding window over the region's box, inside the region; masses in larger voxels.

    Args:
        bundle: of the kind ``isotropic_patches``.
        device: where its network is.
    """

    def __init__(self, bundle: LoadedBundle, device: torch.device) -> None:
        self._bundle = bundle
        self._device = device

    def detect(self, scan: ScanViews, settings: ChainSettings, steps: Steps) -> Detection:
        """See :class:`nodulus.app.chain.protocols.Detector`."""
        bundle = self._bundle
        with steps("resample"):
            view = scan.isotropic(bundle.isotropic_mm)
            grid = view.geometry
            region = scan.region_on(grid)
        with steps("segmentation") as report:
            probability = segment_nodules(
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
        found = Joined(candidates, [None] * len(candidates), dropped, probability)
        if settings.pipeline.masses is not None:
            found = self._with_masses(scan, settings, settings.pipeline.masses, found, steps)
        cut = settings.operating_points.segmentation_voxel.threshold
        index = [steady_center(c, found.probability, cut) for c in found.candidates]
        points = grid.index_to_lps(np.asarray(index).reshape(-1, 3)).tolist()
        for point, crop_spacing_mm in zip(points, found.crop_spacing_mm, strict=True):
            if crop_spacing_mm is not None:
                scan.set_crop_spacing(point, crop_spacing_mm)
        return Detection(
            found.probability,
            grid,
            tuple(found.candidates),
            tuple(found.dropped),
            tuple((x, y, z) for x, y, z in points),
            frozenset(
                n
                for n, crop_spacing_mm in enumerate(found.crop_spacing_mm)
                if crop_spacing_mm is not None
            ),
        )

    def _with_masses(
        self,
        scan: ScanViews,
        settings: ChainSettings,
        chosen: MassSettings,
        fine: Joined,
        steps: Steps,
    ) -> Joined:
        bundle = self._bundle
        with steps("masses") as report:
            masses = find_masses(scan, bundle, settings, chosen, self._device, report)
            grid = scan.isotropic(bundle.isotropic_mm).geometry
            joined = join_masses(masses, fine.candidates, fine.probability, grid, chosen)
        return replace(joined, dropped=[*joined.dropped, *fine.dropped])
