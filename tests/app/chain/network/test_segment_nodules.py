"""The segmentation in patches is that of one pass, and looks at the lungs alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.inferers import sliding_window_inference

from nodulus.app.chain.network.segment_nodules import segment_nodules
from nodulus.app.chain.settings import load_settings


class Net(torch.nn.Module):
    """Position-independent: a fixed 3x3x3 convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv3d(1, 1, 3, padding=1)
        torch.nn.init.normal_(self.conv.weight, generator=torch.Generator().manual_seed(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


def run(image: torch.Tensor, lungs: np.ndarray, network: torch.nn.Module) -> np.ndarray:
    pipeline = load_settings().pipeline.model_copy(update={"patch_overlap": 0.5, "patch_batch": 3})
    return segment_nodules(
        image,
        lungs,
        network,
        scale=torch.clone,
        roi_size=(16, 16, 16),
        pipeline=pipeline,
        device=torch.device("cpu"),
    )


@pytest.mark.parametrize("shape", [(40, 37, 33), (10, 20, 16)])
def test_like_one_pass_away_from_patch_edges(shape: tuple[int, int, int]) -> None:
    image = torch.rand(1, *shape, generator=torch.Generator().manual_seed(1))
    network = Net().eval()
    with torch.no_grad():
        whole = torch.sigmoid(network(image[None]))[0, 0].numpy()
        monai = sliding_window_inference(
            image[None], (16, 16, 16), 2, lambda x: torch.sigmoid(network(x)), 0.5, "gaussian"
        )[0, 0].numpy()
    ours = run(image, np.ones(shape, bool), network)
    assert ours.shape == shape
    # Patch edges are padded with zeros, so that a few per cent of blending error are owed.
    assert np.abs(ours - whole).mean() < 0.02
    assert np.abs(ours - monai).mean() < 0.02


def test_patches_without_lung_are_not_looked_at() -> None:
    seen: list[int] = []

    class Counting(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x.shape[0])
            return super().forward(x)

    lungs = np.zeros((64, 64, 64), bool)
    lungs[2:6, 2:6, 2:6] = True
    result = run(torch.rand(1, 64, 64, 64), lungs, Counting())
    assert sum(seen) == 1
    assert result[20:].max() == 0
    assert result[2:6, 2:6, 2:6].min() > 0


def test_no_lung_at_all_is_an_empty_map() -> None:
    assert run(torch.rand(1, 20, 20, 20), np.zeros((20, 20, 20), bool), Net()).max() == 0
