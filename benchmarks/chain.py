"""How fast the chain is, and beside others: python benchmarks/chain.py DICOM_FOLDER -o OUT.

Every measurement is a process of its own (benchmarks/chain_run.py), so that the first run tells
the time from a cold start and the peak memory is that of one thing. The parts, all or some:

- ``detect``: from the DICOM folder to all results; cold (the whole process, with imports, files
  being in the system's cache) and warm, step by step.
- ``book``: candidates with their nodule probabilities from a volume in memory, by the chain and by
  that of 'Deep Learning with PyTorch' with its own checkpoints.
- ``monai``: the segmentation in the lungs, and MONAI's sliding window in float32 over the whole
  volume with the same U-Net.
- ``sizes``: the chain and its results on the volume resampled to other numbers of slices.
- ``floors``: bytes read once, FLOPs of the segmentation at the peak that was measured.

Times are medians over ``--repeats`` warm runs. ``chain.json`` and ``chain.png`` go to OUT.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("detect", "book", "monai", "sizes", "floors")


def cpu_name() -> str:
    """The processor's own name, where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else f"{os.cpu_count()} cores"


def run_once(what: str, source: Path, runs: int, more: Sequence[str]) -> dict[str, Any]:
    """One process; what it told."""
    script = [sys.executable, str(ROOT / "benchmarks" / "chain_run.py"), what, str(source)]
    done = subprocess.run(
        [*script, "--runs", str(runs), *more],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    if done.returncode != 0:
        raise SystemExit(f"{what} failed:\n{done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def measure(what: str, source: Path, repeats: int, *more: str) -> dict[str, Any]:
    """Run a process: cold seconds, medians of the runs after the first, peak memory."""
    print(f"measuring {what} {' '.join(more)}", flush=True)
    load = os.getloadavg()[0]
    began = time.perf_counter()
    once = run_once(what, source, 1, more)
    cold = time.perf_counter() - began
    told = run_once(what, source, repeats + 1, more) if repeats else once
    warm = told["runs"][1:] or told["runs"]
    steps: dict[str, float] = {
        name: statistics.median(run["steps_s"][name] for run in warm) for name in warm[0]["steps_s"]
    }
    return {
        "cold_s": cold,
        "wall_s": statistics.median(run["wall_s"] for run in warm),
        "cpu_s": statistics.median(run["cpu_s"] for run in warm),
        "ready_s": told["ready_s"],
        "steps_s": steps,
        "peak_mib": once["peak_mib"],
        "load": load,
    }


def book_models(folder: Path | None, output: Path) -> Path | None:
    """The book's checkpoints as models, None where they are not at hand."""
    if folder is None:
        folder = Path(os.environ.get("NODULUS_SHARED", ROOT.parent / "shared")) / "data" / "dlwpt"
    segmentation, nodule = (sorted(folder.glob(f"{kind}_*.state")) for kind in ("seg", "cls"))
    if not segmentation or not nodule:
        return None
    from app.importing.dlwpt import import_checkpoints

    import_checkpoints(segmentation[0], nodule[0], None, output)
    return output


def ratio(slow: dict[str, Any], quick: dict[str, Any]) -> dict[str, float]:
    """How many times longer, in seconds of wall and of CPU."""
    return {key: slow[key] / quick[key] for key in ("wall_s", "cpu_s")}


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """All parts that were chosen."""
    import torch

    source, repeats = chosen.source, chosen.repeats
    results: dict[str, Any] = {
        "machine": {
            "processor": cpu_name(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "load_before": os.getloadavg(),
        },
        "source": source.name,
        "repeats": repeats,
    }
    rivals: dict[str, Any] = {}
    if "detect" in chosen.parts:
        results["detect"] = measure("detect", source, repeats)
        results["steps"] = results["detect"]["steps_s"]
    if "book" in chosen.parts:
        with tempfile.TemporaryDirectory() as folder:
            models = book_models(chosen.book, Path(folder) / "models")
            if models is None:
                rivals["book"] = {"skipped": "the book's checkpoints are not at hand (--book)"}
            else:
                rivals["search"] = measure("search", source, repeats)
                rivals["book"] = measure("book", source, repeats, "--models", str(models))
                rivals["book"]["times"] = ratio(rivals["book"], rivals["search"])
    if "monai" in chosen.parts:
        rivals["segmentation"] = measure("segmentation", source, repeats)
        rivals["monai"] = measure("monai", source, repeats)
        rivals["monai"]["times"] = ratio(rivals["monai"], rivals["segmentation"])
    results["rivals"] = rivals
    if "sizes" in chosen.parts:
        results["sizes"] = {
            str(n): measure("size", source, repeats, "--slices", str(n)) for n in chosen.slices
        }
    if "floors" in chosen.parts:
        import floors

        print("measuring floors", flush=True)
        results["floors"] = floors.measure(source, max(1, repeats))
    results["machine"]["load_after"] = os.getloadavg()
    return results


def table(results: dict[str, Any]) -> str:
    """What was measured, a line each."""
    lines = [f"{results['machine']['processor']}, {results['machine']['threads']} threads"]
    measured = {
        "detect": results.get("detect"),
        **results["rivals"],
        **{f"{n} slices": one for n, one in results.get("sizes", {}).items()},
    }
    for name, one in measured.items():
        if one is None:
            continue
        if "skipped" in one:
            lines.append(f"{name:14} skipped: {one['skipped']}")
            continue
        times = f"  {one['times']['cpu_s']:.1f} times the CPU" if "times" in one else ""
        lines.append(
            f"{name:14} warm {one['wall_s']:7.2f} s  CPU {one['cpu_s']:7.2f} s"
            f"  cold {one['cold_s']:7.2f} s  peak {one['peak_mib']:6.0f} MiB{times}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="a DICOM folder with one study")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--repeats", type=int, default=5, help="warm runs; 0: the cold one alone")
    parser.add_argument("--slices", nargs="+", type=int, default=[100, 250, 500, 1000])
    parser.add_argument("--book", type=Path, help="folder with the book's seg_ and cls_*.state")
    chosen = parser.parse_args(arguments)
    chosen.source = chosen.source.resolve()
    chosen.output.mkdir(parents=True, exist_ok=True)
    results = run(chosen)
    (chosen.output / "chain.json").write_text(json.dumps(results, indent=2) + "\n")
    from chain_picture import draw

    draw(results, chosen.output / "chain.png")
    print(table(results))
    load = max(results["machine"]["load_before"][0], results["machine"]["load_after"][0])
    if load > (os.cpu_count() or 1):
        print(f"The machine was busy (load {load:.1f}): wall times say little, CPU times more.")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
