"""One measurement of the chain in a process of its own, for benchmarks/chain.py.

Prints one line of JSON: seconds of imports and loading, of each run (the first one is not warm),
CPU seconds of each run, seconds of each step, and the peak memory of the process after the first
run.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nodulus.app.process import sleep_while_waiting

Run = Callable[[], Mapping[str, float]]
"""Does the work once; gives the seconds of its steps."""

WHAT = ("detect", "score_candidates", "book", "segmentation", "monai", "size")


def make_detect(source: Path, _chosen: argparse.Namespace) -> Run:
    """From a DICOM folder to all results."""
    from nodulus.app.chain import load_models, load_settings
    from nodulus.app.reading import find_studies
    from nodulus.app.results.options import OutputOptions
    from nodulus.app.study import run_study

    models, settings = load_models(), load_settings()

    def run() -> Mapping[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            (study,) = find_studies(source).studies
            scanned = time.perf_counter() - began
            written = run_study(study, Path(folder) / study.key, models, settings, OutputOptions())
        return {"scan": round(scanned, 3), **written.result.timings_s}

    return run


def make_search(source: Path, _chosen: argparse.Namespace) -> Run:
    """From a volume in memory to candidates and their nodule probabilities."""
    from nodulus.app.chain import ScanViews, load_models, load_settings
    from nodulus.app.chain.score_candidates import score_candidates
    from nodulus.app.chain.timed_steps import Steps
    from nodulus.app.reading import load_volume
    from nodulus.transforms.lungs import find_lungs

    models, settings, volume = load_models(), load_settings(), load_volume(source)

    def run() -> Mapping[str, float]:
        steps = Steps()
        with steps("lungs"):
            lungs = find_lungs(volume.hu, volume.geometry)
        score_candidates(
            ScanViews(volume, lungs, settings.pipeline.lung_margin_mm), models, settings, steps
        )
        return steps.timings_s

    return run


def make_book(source: Path, chosen: argparse.Namespace) -> Run:
    """The same by the book's chain, everywhere in the volume."""
    from nodulus.app.chain import ScanViews, load_models, load_settings
    from nodulus.app.chain.score_candidates import score_candidates
    from nodulus.app.chain.timed_steps import Steps
    from nodulus.app.reading import load_volume

    if chosen.models is None:
        raise SystemExit("the book's chain needs --models")
    models, settings = load_models(chosen.models, "cpu"), load_settings(chosen.models / "book")
    volume = load_volume(source)

    def run() -> Mapping[str, float]:
        steps = Steps()
        score_candidates(ScanViews(volume, None, 0.0), models, settings, steps)
        return steps.timings_s

    return run


def make_segmentation(source: Path, _chosen: argparse.Namespace) -> Run:
    """The segmentation alone, in the lungs, from the resampled volume."""
    from nodulus.app.chain import ScanViews, load_models, load_settings
    from nodulus.app.chain.network.segment_nodules import segment_nodules
    from nodulus.app.reading import load_volume
    from nodulus.transforms.lungs import find_lungs
    from nodulus.transforms.windowing import window

    models, settings, volume = load_models(), load_settings(), load_volume(source)
    bundle = models.segmentation
    lungs = find_lungs(volume.hu, volume.geometry)
    scan = ScanViews(volume, lungs, settings.pipeline.lung_margin_mm)
    view = scan.isotropic(bundle.isotropic_mm)
    region = scan.region_on(view.geometry)

    def run() -> Mapping[str, float]:
        segment_nodules(
            view.hu,
            region,
            bundle.network,
            scale=lambda hu: window(hu, bundle.window_hu, bundle.input_range),
            roi_size=bundle.roi_size,
            pipeline=settings.pipeline,
            device=models.device,
        )
        return {}

    return run


def make_monai(source: Path, _chosen: argparse.Namespace) -> Run:
    """MONAI's sliding window over the whole resampled volume with the same U-Net in float32."""
    import torch
    from monai.inferers import sliding_window_inference

    from nodulus.app.chain import ScanViews, load_settings
    from nodulus.app.chain.models import BUNDLES
    from nodulus.app.chain.network.loading import load_bundle
    from nodulus.app.reading import load_volume
    from nodulus.transforms.windowing import window

    pipeline, volume = load_settings().pipeline, load_volume(source)
    bundle = load_bundle(BUNDLES / "segmentation")
    view = ScanViews(volume, None, 0.0).isotropic(bundle.isotropic_mm)
    image = window(view.hu, bundle.window_hu, bundle.input_range)[None]

    def run() -> Mapping[str, float]:
        with torch.inference_mode():
            sliding_window_inference(
                image,
                bundle.roi_size,
                pipeline.patch_batch,
                bundle.network,
                overlap=pipeline.patch_overlap,
                mode="gaussian",
            ).sigmoid_()
        return {}

    return run


def make_size(source: Path, chosen: argparse.Namespace) -> Run:
    """The chain and its results (no DICOM objects) on a volume resampled to so many slices.

    With ``--wide`` there is air around it, so that the field of view is twice as wide.
    """
    import numpy as np

    from nodulus.app.assemble import assemble_result
    from nodulus.app.chain import analyse, load_models, load_settings
    from nodulus.app.reading import load_volume
    from nodulus.app.results.options import OutputOptions
    from nodulus.app.results.write_results import write_results
    from nodulus.transforms.geometry import Geometry

    models, settings, volume = load_models(), load_settings(), load_volume(source)
    slices = chosen.slices or volume.hu.shape[0]
    count, rows, columns = volume.hu.shape
    places = np.linspace(0, count - 1, slices)
    hu = np.empty((slices, rows, columns), volume.hu.dtype)
    for k, place in enumerate(places):
        low = min(int(place), count - 2)
        part = np.float32(place - low)
        hu[k] = np.rint((1 - part) * volume.hu[low] + part * volume.hu[low + 1])
    affine = volume.geometry.affine_lps.copy()
    affine[:3, 0] *= (count - 1) / (slices - 1)
    if chosen.wide:
        hu = np.pad(hu, ((0, 0), (rows // 2,) * 2, (columns // 2,) * 2), constant_values=-1024)
        affine[:3, 3] -= affine[:3, 1:3] @ (rows // 2, columns // 2)
    volume = replace(
        volume,
        hu=hu,
        geometry=Geometry(hu.shape, affine),
        source_format="mhd",
        source_images=(),
        is_source_grid=False,
    )

    def run() -> Mapping[str, float]:
        analysis = analyse(volume, models, settings)
        result = assemble_result(volume, analysis, models, settings, ())
        with tempfile.TemporaryDirectory() as folder:
            written = write_results(
                Path(folder) / "out", volume, analysis.labels, result, options=OutputOptions()
            )
        return written.timings_s

    return run


MAKERS: Mapping[str, Callable[[Path, argparse.Namespace], Run]] = {
    "detect": make_detect,
    "score_candidates": make_search,
    "book": make_book,
    "segmentation": make_segmentation,
    "monai": make_monai,
    "size": make_size,
}


def peak_mib() -> float:
    """The most memory that this process has had, in MiB."""
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("source", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--slices", type=int, default=0)
    parser.add_argument("--wide", action="store_true")
    parser.add_argument("--runs", type=int, default=1)
    chosen = parser.parse_args()
    sleep_while_waiting()
    began = time.perf_counter()
    run = MAKERS[chosen.what](chosen.source, chosen)
    ready = time.perf_counter() - began
    runs: list[dict[str, Any]] = []
    peak = 0.0
    for _ in range(chosen.runs):
        wall, cpu = time.perf_counter(), time.process_time()
        steps = dict(run())
        runs.append(
            {
                "wall_s": time.perf_counter() - wall,
                "cpu_s": time.process_time() - cpu,
                "steps_s": steps,
            }
        )
        peak = peak or peak_mib()
    print(json.dumps({"ready_s": ready, "runs": runs, "peak_mib": peak}))


if __name__ == "__main__":
    main()
