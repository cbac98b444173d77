"""How fast the chain is, and beside others: python benchmarks/chain.py DICOM_FOLDER -o OUT.

Every measurement is a process of its own (benchmarks/chain_run.py), so that its peak memory is that
of one thing. They take turns, round after round; the figures are medians over the rounds. The
parts, all or some:

- ``detect``: from the DICOM folder to all results; ``command`` is ``nodulus detect`` as a whole
  new process with its imports (files being in the system's cache), ``detect`` the second run in a
  process, step by step.
- ``book``: the chain of 'Deep Learning with PyTorch' with its own checkpoints, everywhere in a
  volume in memory, to candidates with their nodule probabilities; beside it the same of this
  chain (``search``).
- ``monai``: MONAI's sliding window in float32 over the whole volume with the same U-Net, and the
  segmentation in the lungs.
- ``sizes``: the chain and its results on the volume resampled to other numbers of slices, and with
  air around so that its field of view is twice as wide.
- ``floors``: bytes read once, FLOPs of the segmentation at the peak that was measured.
- ``training``: what benchmarks/training_step.py prints.

``chain.json`` and ``chain.png`` go to OUT.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from processes import ENVIRONMENT, Once, chain_run, command, interleaved

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("detect", "book", "monai", "sizes", "floors", "training")
RIVALS = (("book", "detect"), ("book", "command"), ("book", "search"), ("monai", "segmentation"))
"""Which is compared with which."""


def cpu_name() -> str:
    """The processor's own name, where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else f"{os.cpu_count()} cores"


def book_models(folder: Path | None, output: Path) -> Path | None:
    """The book's checkpoints as models, None where they are not at hand."""
    if folder is None:
        folder = Path(os.environ.get("NODULUS_SHARED", ROOT.parent / "shared")) / "data" / "dlwpt"
    segmentation, nodule = (sorted(folder.glob(f"{kind}_*.state")) for kind in ("seg", "cls"))
    if not segmentation or not nodule:
        return None
    from nodulus.app.book import import_checkpoints

    import_checkpoints(segmentation[0], nodule[0], None, output)
    return output


def jobs_of(chosen: argparse.Namespace, models: Path | None) -> dict[str, Once]:
    """What takes turns."""
    source, parts = chosen.source, chosen.parts
    jobs: dict[str, Once] = {}
    if "detect" in parts or models is not None:
        jobs |= {"command": command(source), "detect": chain_run("detect", source)}
    if models is not None:
        jobs["search"] = chain_run("search", source)
        # One run each, for it takes long and gains nothing by a second one.
        jobs["book"] = chain_run("book", source, "--models", str(models), runs=1)
    if "monai" in parts:
        jobs["segmentation"] = chain_run("segmentation", source)
        jobs["monai"] = chain_run("monai", source, runs=1)
    return jobs


def measure_sizes(chosen: argparse.Namespace) -> dict[str, Any]:
    """By number of slices; and the widened field by its name."""
    runs = 1 + chosen.rounds
    jobs = {
        str(n): chain_run("size", chosen.source, "--slices", str(n), runs=runs)
        for n in chosen.slices
    }
    first = str(chosen.slices[0])
    jobs["wide"] = chain_run("size", chosen.source, "--slices", first, "--wide", runs=runs)
    return interleaved(jobs, 1)


def training_lines(folder: Path) -> list[str]:
    """What benchmarks/training_step.py prints of a few steps."""
    print("training steps ...", flush=True)
    script = [sys.executable, str(ROOT / "benchmarks" / "training_step.py")]
    log = folder / "training.log"
    with log.open("w") as file:
        done = subprocess.run(
            [*script, "--steps", "20", "--studies", "2"],
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
            env=ENVIRONMENT,
            cwd=ROOT,
        )
    lines = log.read_text().splitlines()
    if done.returncode != 0:
        raise SystemExit("training_step.py failed:\n" + "\n".join(lines[-20:]))
    return [line for line in lines if " waiting" in line]


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """All parts that were chosen."""
    import torch

    results: dict[str, Any] = {
        "machine": {
            "processor": cpu_name(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "load_before": os.getloadavg(),
        },
        "source": chosen.source.name,
        "rounds": chosen.rounds,
    }
    with tempfile.TemporaryDirectory() as folder:
        models = None
        if "book" in chosen.parts:
            models = book_models(chosen.book, Path(folder) / "models")
            if models is None:
                results["skipped"] = "book: its checkpoints are not at hand (--book)"
        measured = interleaved(jobs_of(chosen, models), chosen.rounds)
    results["measured"] = measured
    results["ratios"] = {
        f"{slow} / {quick}": {
            key: measured[slow][key] / measured[quick][key] for key in ("wall_s", "cpu_s")
        }
        for slow, quick in RIVALS
        if slow in measured and quick in measured
    }
    if "sizes" in chosen.parts:
        results["sizes"] = measure_sizes(chosen)
    if "floors" in chosen.parts:
        import floors

        print("floors ...", flush=True)
        results["floors"] = floors.measure(chosen.source, chosen.rounds)
    if "training" in chosen.parts:
        results["training"] = training_lines(chosen.output)
    results["machine"]["load_after"] = os.getloadavg()
    return results


def table(results: dict[str, Any]) -> str:
    """What was measured, a line each."""
    machine = results["machine"]
    lines = [f"{machine['processor']}, {machine['threads']} threads, torch {machine['torch']}"]
    if "skipped" in results:
        lines.append(f"skipped: {results['skipped']}")
    sizes = {f"size {name}": one for name, one in results.get("sizes", {}).items()}
    for name, one in {**results["measured"], **sizes}.items():
        lines.append(
            f"{name:14} {one['wall_s']:7.2f} s  CPU {one['cpu_s']:7.2f} s"
            f"  whole process {one['whole_s']:7.2f} s  peak {one['peak_mib']:6.0f} MiB"
        )
    for name, one in results["ratios"].items():
        lines.append(f"{name:22} {one['wall_s']:6.1f} times as long, CPU {one['cpu_s']:6.1f} times")
    detect = results["measured"].get("detect", {"steps_s": {}})
    lines += [f"  {step:14} {seconds:6.2f} s" for step, seconds in detect["steps_s"].items()]
    return "\n".join([*lines, *results.get("training", [])])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="a DICOM folder with one study")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slices", nargs="+", type=int, default=[100, 250, 500, 1000])
    parser.add_argument("--book", type=Path, help="folder with the book's seg_ and cls_*.state")
    chosen = parser.parse_args(arguments)
    chosen.source, chosen.output = chosen.source.resolve(), chosen.output.resolve()
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
