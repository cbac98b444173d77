"""What the nodule and the malignancy classifier see of a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from nodulus.app.chain.blending import nearest_voxels
from nodulus.app.chain.network.batched_inference import classify, probabilities
from nodulus.app.chain.protocols import NeedsNeighbours
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.explanation import Crop
from nodulus.app.progress import Progress
from nodulus.transforms.geometry import Geometry
from nodulus.transforms.patches import crop_cube, crop_within, cube_start, start_within
from nodulus.transforms.windowing import window

if TYPE_CHECKING:
    from nodulus.app.chain.network.loading import LoadedBundle

_TIES = 6
"""Decimals of an index: a point between two voxels must not fall to either by rounding errors."""


class CubeClassifier:
    """A cube of isotropic voxels in RAS order; air beyond the view's edges.

    Args:
        bundle: of the kind ``isotropic_cube``.
        device: where its network is.
    """

    def __init__(self, bundle: LoadedBundle, device: torch.device) -> None:
        self._bundle = bundle
        self._device = device

    def rate(
        self,
        scan: ScanViews,
        points_lps_mm: Sequence[Sequence[float]],
        batch: int,
        report: Progress,
        needs_neighbours: NeedsNeighbours | None = None,
    ) -> NDArray[np.float64]:
        """See :class:`nodulus.app.chain.protocols.Classifier`."""
        own_mm = self._bundle.isotropic_mm
        spacing = np.array([scan.crop_spacing_mm(point, own_mm) for point in points_lps_mm])
        found = np.zeros(len(points_lps_mm))
        for mm in np.unique(spacing).tolist():
            chosen = np.flatnonzero(spacing == mm)
            points = [points_lps_mm[int(n)] for n in chosen]
            needs = needs_neighbours and _among(needs_neighbours, chosen, len(found))
            found[chosen] = self._rate(scan, points, mm, batch, report, needs)
        return found

    def _rate(
        self,
        scan: ScanViews,
        points_lps_mm: Sequence[Sequence[float]],
        spacing_mm: float,
        batch: int,
        report: Progress,
        needs_neighbours: NeedsNeighbours | None,
    ) -> NDArray[np.float64]:
        """The points whose crops have voxels of one size."""
        bundle = self._bundle
        view = scan.isotropic(spacing_mm)
        index = np.round(view.geometry.lps_to_index(points_lps_mm), _TIES)
        air = bundle.window_hu[0]
        # The heaviest voxel of each point first.
        voxels = [sorted(nearest_voxels(c), key=lambda voxel: -voxel[1]) for c in index]

        def rated(
            centers: Sequence[tuple[int, ...]], before: int, rest: int
        ) -> NDArray[np.float64]:
            return classify(
                centers,
                lambda center: _seen(bundle, crop_cube(view.hu, center, bundle.crop_size, air)),
                bundle.network,
                batch=batch,
                device=self._device,
                progress=lambda done, total: report(before + done, before + total + rest),
            )

        neighbours = sum(len(own) - 1 for own in voxels)
        found = rated(
            [own[0][0] for own in voxels], 0, neighbours if needs_neighbours is None else 0
        )
        needs = np.ones(len(voxels), bool) if needs_neighbours is None else needs_neighbours(found)
        more = [(n, *voxel) for n in np.flatnonzero(needs) for voxel in voxels[n][1:]]
        if not more:
            return found
        others = rated([voxel for _, voxel, _ in more], len(voxels), 0)
        found[needs] *= [voxels[n][0][1] for n in np.flatnonzero(needs)]
        np.add.at(found, [n for n, _, _ in more], others * [weight for _, _, weight in more])
        return found

    def crop(self, scan: ScanViews, point_lps_mm: Sequence[float]) -> Crop:
        """See :class:`nodulus.app.chain.protocols.Classifier`."""
        bundle = self._bundle
        view = scan.isotropic(scan.crop_spacing_mm(point_lps_mm, bundle.isotropic_mm))
        index = np.round(view.geometry.lps_to_index(point_lps_mm), _TIES)
        hu = crop_cube(view.hu, index, bundle.crop_size, bundle.window_hu[0])
        geometry = view.geometry.cropped(cube_start(index, bundle.crop_size), bundle.crop_size)
        return _crop(bundle, hu, geometry)

    def judge(self, inputs: torch.Tensor) -> torch.Tensor:
        """See :class:`nodulus.app.chain.protocols.Classifier`."""
        return probabilities(self._bundle.network(inputs.to(self._device)))


class NativeCropClassifier:
    """A crop of the scanner's own voxels, (slices, rows, columns), moved to lie in the volume.

    Args:
        bundle: of the kind ``native_crop``.
        device: where its network is.
    """

    def __init__(self, bundle: LoadedBundle, device: torch.device) -> None:
        self._bundle = bundle
        self._device = device
        # Channels last takes a third off the time on a CPU.
        bundle.network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def rate(
        self,
        scan: ScanViews,
        points_lps_mm: Sequence[Sequence[float]],
        batch: int,
        report: Progress,
        needs_neighbours: NeedsNeighbours | None = None,  # it has no neighbouring crops
    ) -> NDArray[np.float64]:
        """See :class:`nodulus.app.chain.protocols.Classifier`."""
        if not points_lps_mm:
            return np.zeros(0)
        bundle = self._bundle
        view = scan.native()
        hu = torch.from_numpy(np.ascontiguousarray(view.hu))[None]
        index = np.round(view.geometry.lps_to_index(points_lps_mm), _TIES)

        def cut(center: NDArray[np.float64]) -> torch.Tensor:
            crop = crop_within(hu, center, bundle.crop_size, bundle.window_hu[0])
            return _seen(bundle, crop.float())

        return classify(
            list(index), cut, bundle.network, batch=batch, device=self._device, progress=report
        )

    def crop(self, scan: ScanViews, point_lps_mm: Sequence[float]) -> Crop:
        """See :class:`nodulus.app.chain.protocols.Classifier`."""
        bundle = self._bundle
        view = scan.native()
        index = np.round(view.geometry.lps_to_index(point_lps_mm), _TIES)
        start = start_within(view.hu.shape, index, bundle.crop_size)
        box = tuple(slice(a, a + n) for a, n in zip(start, bundle.crop_size, strict=True))
        hu = torch.from_numpy(np.ascontiguousarray(view.hu[box]))[None].float()
        middle = np.asarray(bundle.crop_size) // 2
        cut = crop_cube(hu, middle, bundle.crop_size, bundle.window_hu[0])
        return _crop(bundle, cut, view.geometry.cropped(start, bundle.crop_size))

    def judge(self, inputs: torch.Tensor) -> torch.Tensor:
        """See :class:`nodulus.app.chain.protocols.Classifier`."""
        return probabilities(self._bundle.network(inputs.to(self._device)))


def _among(
    needs_neighbours: NeedsNeighbours, chosen: NDArray[np.intp], count: int
) -> NeedsNeighbours:
    """The question asked about some of all points."""

    def needs(probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        everything = np.zeros(count)
        everything[chosen] = probabilities
        return needs_neighbours(everything)[chosen]

    return needs


def _seen(bundle: LoadedBundle, hu: torch.Tensor) -> torch.Tensor:
    """A crop as the network wants it."""
    return window(hu, bundle.window_hu, bundle.input_range)


def _crop(bundle: LoadedBundle, hu: torch.Tensor, geometry: Geometry) -> Crop:
    values = _seen(bundle, hu)[0]
    return Crop(values.numpy(), geometry, bundle.window_hu, bundle.input_range)
