"""What the machine could do at best, for benchmarks/chain.py: FLOPs, and FLOPs in a second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from monai.networks.nets import UNet
from torch.utils.flop_counter import FlopCounterMode

from nodulus.app.chain.network.unet_stages import REACH, UNetStages


def seconds_of(work: Callable[[], Any], repeats: int) -> float:
    """CPU seconds of the quickest of several runs after one that does not count.

    Those of all threads together: unlike seconds of wall they mean something on a busy machine.
    """
    work()
    best = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def flops_a_voxel(network: UNet, edge: int = 64) -> tuple[float, float]:
    """FLOPs of the convolutions of a UNet's coarse and fine stage for each voxel that they see."""
    stages, counted = UNetStages(network, torch.float32), list[float]()
    values, box = torch.zeros(1, edge, edge, edge), (slice(0, edge),) * 3
    with torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            features = stages.encode(values, torch.clone, torch.device("cpu"))
        counted.append(float(counter.get_total_flops()) / edge**3)
        with FlopCounterMode(display=False) as counter:
            stages.decode(features, box)
        counted.append(float(counter.get_total_flops()) / edge**3)
    return counted[0], counted[1]


def peak_flops(dtype: torch.dtype, repeats: int) -> dict[str, float]:
    """FLOPs in a CPU second of a large matrix product, and of a convolution as in the U-Net."""
    n = 2048
    a = torch.rand(n, n).to(dtype)
    product = 2 * n**3 / seconds_of(lambda: a @ a, repeats)
    conv = torch.nn.Conv3d(32, 32, 3, padding=1, bias=False).to(dtype)
    conv = conv.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    x = torch.rand(1, 32, 48, 48, 48).to(dtype).to(memory_format=torch.channels_last_3d)
    with torch.inference_mode():
        took = seconds_of(lambda: conv(x), repeats)
    return {"matrix_product": product, "convolution": 2 * 27 * 32 * 32 * 48**3 / took}


def read_once_s(folder: Path) -> tuple[int, float]:
    """Bytes of all files below a folder, and seconds to read them (they may be in memory)."""
    began = time.perf_counter()
    size = sum(len(file.read_bytes()) for file in sorted(folder.rglob("*")) if file.is_file())
    return size, time.perf_counter() - began


def measure(source: Path, repeats: int) -> dict[str, Any]:
    """The floors of reading and of the segmentation on one study."""
    from nodulus.app.chain import ScanViews, load_models, load_settings
    from nodulus.app.chain.models import BUNDLES
    from nodulus.app.chain.network.loading import load_bundle
    from nodulus.app.chain.network.lung_patches import cover_blocks
    from nodulus.app.chain.network.precision import precision_of
    from nodulus.app.reading import load_volume
    from nodulus.transforms.blocks import any_in_blocks
    from nodulus.transforms.lungs import find_lungs

    size, seconds = read_once_s(source)
    models, pipeline, volume = load_models(), load_settings().pipeline, load_volume(source)
    lungs = find_lungs(volume.hu, volume.geometry)
    scan = ScanViews(volume, lungs, pipeline.lung_margin_mm)
    grid = scan.isotropic(models.segmentation.isotropic_mm).geometry
    plain = load_bundle(BUNDLES / "segmentation").network
    if not isinstance(plain, UNet):
        raise SystemExit("the floor is known for a UNet alone")
    stride = math.prod(plain.strides)
    blocks = any_in_blocks(scan.region_on(grid), stride)
    seen = [
        sum(
            patch.size
            for patch in cover_blocks(blocks, stride=stride, context=context, max_voxels=most)
        )
        for context, most in (
            (pipeline.patch_context, pipeline.coarse_voxels),
            (REACH, pipeline.patch_voxels),
        )
    ]
    a_voxel = flops_a_voxel(plain)
    flops = sum(voxels * each for voxels, each in zip(seen, a_voxel, strict=True))
    precision = precision_of(models.segmentation.network)
    peak = peak_flops(getattr(torch, precision), repeats)
    return {
        "bytes": size,
        "read_once_s": seconds,
        "voxels_seen": {"coarse": seen[0], "fine": seen[1]},
        "flops_a_voxel": {"coarse": a_voxel[0], "fine": a_voxel[1]},
        "precision": precision,
        "threads": torch.get_num_threads(),
        "flops_a_cpu_second": peak,
        "segmentation_floor_cpu_s": flops / max(peak.values()),
    }
