"""How fast the bundles train, and how long they wait for data: python benchmarks/training_step.py.

Each bundle's own train.json takes some steps on a few phantom studies that are made for it in a
temporary folder. Printed are, for each bundle and number type: samples a second (batch size over
the median step), the median step in seconds, and the share of the steps' time that was spent on
waiting for data. The first steps, in which loader processes start, do not count; validation does
not take place.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from ignite.handlers import BasicTimeProfiler
from monai.bundle import ConfigWorkflow

from nodulus.app.data.phantom.dataset import DatasetPlan, PhantomFormat, write_dataset
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.bundles import config_files

BUNDLES = ("segmentation", "nodule", "malignancy")
ROOT = Path(__file__).resolve().parents[1]
FIRST = 5
"""Steps that do not count."""


def phantoms(folder: Path, studies: int) -> Path:
    """A data folder of synthetic studies."""
    plan = DatasetPlan(folder, 11, PhantomRecipe.load(None), format=PhantomFormat.LUNA16)
    for number, _ in enumerate(write_dataset(plan, studies), 1):
        print(f"made study {number}/{studies}", flush=True)
    return folder


def measure(bundle: str, data: Path, steps: int, options: dict[str, Any]) -> BasicTimeProfiler:
    """Train a bundle for some steps and time each."""
    output = data / "runs" / bundle
    workflow = ConfigWorkflow(
        config_files(bundle, "train"),
        logging_file=False,
        workflow_type="train",
        **options,
        data_dirs=[str(data)],
        output_dir=str(output),
        runs_dir="$None",
        bundle_root=str(ROOT / "bundles" / bundle),
        steps=steps,
        validate_every=steps,
    )
    workflow.initialize()
    trainer = workflow.parser.get_parsed_content("train#trainer")
    profiler = BasicTimeProfiler()
    profiler.attach(trainer)
    # before the epoch is over: what follows is validation
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=steps), trainer.terminate)
    trainer.run()
    return profiler


def report(profiler: BasicTimeProfiler, batch_size: int) -> str:
    """The figures of one bundle."""
    wait = profiler.dataflow_times[FIRST:-1]
    work = profiler.processing_times[FIRST:-1]
    step = float(torch.median(wait + work))
    share = float(wait.sum() / (wait + work).sum())
    return f"{batch_size / step:7.1f} samples/s  {step:6.3f} s a step  {share:6.1%} waiting"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--studies", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=None, help="for computing")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--amp", nargs="+", default=["off", "bfloat16"])
    parser.add_argument("--bundles", nargs="+", choices=BUNDLES, default=BUNDLES)
    parser.add_argument("--data", type=Path, help="a data folder to use instead of phantoms")
    chosen = parser.parse_args(arguments)
    options = {
        "workers": chosen.workers,
        "threads": chosen.threads,
        "device": chosen.device,
        "initial_weights": None,
    }
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        data = chosen.data or phantoms(Path(folder) / "phantom", chosen.studies)
        for bundle in chosen.bundles:
            more = {"finetune": "scratch"} if bundle == "malignancy" else {}
            for amp in chosen.amp:
                profiler = measure(bundle, data, chosen.steps, {**options, **more, "amp": amp})
                config = ConfigWorkflow(config_files(bundle, "train"), logging_file=False)
                size = config.parser["batch_size"]
                lines.append(f"{bundle:13}{amp:9}batch {size:3}  {report(profiler, size)}")
    machine = torch.cuda.get_device_name() if chosen.device.startswith("cuda") else cpu_name()
    threads = chosen.threads or torch.get_num_threads()
    print(f"{machine}, torch {torch.__version__}, {threads} threads, {chosen.workers} workers")
    print("\n".join(lines))


def cpu_name() -> str:
    """The processor's own name, where Linux tells it."""
    info = Path("/proc/cpuinfo")
    names = info.read_text().splitlines() if info.exists() else []
    named = [line.split(":", 1)[1].strip() for line in names if line.startswith("model name")]
    return f"{len(named)} x {named[0]}" if named else platform.processor()


if __name__ == "__main__":
    main()
