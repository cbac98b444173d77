"""A ResNet on a cube together with one on its middle slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from monai.networks.nets.resnet import ResNet
from torch.nn.functional import interpolate

from nodulus.bundles.common.networks.two_scale_resnet import TwoScaleResNet


class CubeAndSliceResNet(TwoScaleResNet):
    """The mean of two networks' logits: a 3D one of a cube, a 2D one of the slices in its middle.

    Real nodules and real false alarms are public mostly as single slices, and whole scans with
    every nodule marked are few. So the 2D part learns from many patients what the 3D part, which
    sees the vessel that a slice cuts across, has too few of. The 2D part reads a disk in each slice
    and, as a second channel, the slice's middle at twice the scale; the logits' mean over the
    middle slice and its neighbours is its answer. Takes cubes of shape (B, 1, X, Y, Z), Z across
    the slices, X and Y at least ``slice_edge``, and gives logits, shape (B, 1). The names of the 3D
    part's parameters are those of :class:`TwoScaleResNet`, those of the 2D part begin with
    ``slices.``.

    Args:
        slices: of the 2D :class:`monai.networks.nets.resnet.ResNet`, without ``spatial_dims``,
            ``n_input_channels`` and ``num_classes``.
        part: which part answers; ``cube`` and ``slices`` are for training one of them, and the
            other one's parameters do not learn.
        slice_edge: voxels of a slice that the 2D part reads, a multiple of 4.
        disk_voxels: radius of what it sees of them, for most slices at hand end not far outside.
        neighbours: slices read on either side of the middle.
        options: of the 3D part, with one class.
    """

    def __init__(
        self,
        slices: Mapping[str, Any],
        part: Literal["both", "cube", "slices"] = "both",
        slice_edge: int = 32,
        disk_voxels: float = 14.0,
        neighbours: int = 2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.slices = ResNet(spatial_dims=2, n_input_channels=2, num_classes=1, **slices)
        self.part = part
        self.neighbours = neighbours
        self.slice_edge, self.disk_voxels = slice_edge, disk_voxels
        if part != "both":
            for name, parameter in self.named_parameters():
                parameter.requires_grad_(name.startswith("slices.") == (part == "slices"))

    def of_slices(self, x: torch.Tensor) -> torch.Tensor:
        """The 2D part's logits, (B, 1), of slices (B, 1, slice_edge, slice_edge)."""
        edge = self.slice_edge
        line = torch.arange(edge, device=x.device) - (edge - 1) / 2
        seen = x * (line[:, None] ** 2 + line[None, :] ** 2 <= self.disk_voxels**2)
        middle = seen[..., edge // 4 : 3 * edge // 4, edge // 4 : 3 * edge // 4]
        zoomed = interpolate(middle, scale_factor=2.0, mode="bilinear", align_corners=False)
        logits: torch.Tensor = self.slices(torch.cat([seen, zoomed], dim=1))
        return logits

    def _middle_slices(self, x: torch.Tensor) -> torch.Tensor:
        edge = self.slice_edge
        first, second = x.shape[2] // 2 - edge // 2, x.shape[3] // 2 - edge // 2
        cut = x[:, :, first : first + edge, second : second + edge]
        middle = x.shape[-1] // 2
        logits = [
            self.of_slices(cut[..., middle + off])
            for off in range(-self.neighbours, self.neighbours + 1)
        ]
        return torch.stack(logits).mean(dim=0)

    def _of_cube(self, x: torch.Tensor) -> torch.Tensor:
        """What the ResNet's own forward does: TorchScript does not know ``super()``."""
        x = self.act(self.bn1(self.conv1(x)))
        if not self.no_max_pool:
            x = self.maxpool(x)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        x = self.avgpool(x)
        logits: torch.Tensor = x.view(x.size(0), -1)
        if self.fc is not None:
            logits = self.fc(logits)
        return logits

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits; see the class for the shapes."""
        if self.part == "slices":
            return self._middle_slices(x)
        cube: torch.Tensor = self._of_cube(x)
        return cube if self.part == "cube" else (cube + self._middle_slices(x)) / 2
