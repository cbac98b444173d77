"""The three networks in other runtimes: python benchmarks/runtimes.py --scan PREPARED.pt -o OUT.

Each network gets the same input in one thread: PyTorch as the chain rewrites it, in float32 and in
bfloat16; `torch.compile`; ONNX Runtime in float32 and with int8 weights and activations; OpenVINO
in float32 and int8 (NNCF). They take turns; told are the median seconds of a run and how far the
probabilities are from float32's. What is not installed is left out (``pip install openvino nncf
onnx onnxruntime``). int8 is calibrated on half of the input's patches and judged on the others.

The input is lung of a prepared scan (a file in ``prepared`` of what ``nodulus prepare`` writes).
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nodulus.app.chain.models import BUNDLES
from nodulus.app.chain.network.loading import LoadedBundle, load_bundle
from nodulus.app.chain.network.precision import accelerate
from nodulus.bundles.common.atomic_files import write_text
from nodulus.transforms.patches import crop_cube
from nodulus.transforms.windowing import window

Run = Callable[[torch.Tensor], torch.Tensor]
PATCHES = {"segmentation": (96, 1, 4), "nodule": (48, 16, 4), "malignancy": (48, 16, 4)}
"""Edge of the input in voxels, its batch, and how many there are."""


def inputs_of(scan: Path, bundle: LoadedBundle) -> list[torch.Tensor]:
    """Batches of patches in the lungs of a prepared scan, as the network takes them."""
    edge, batch, count = PATCHES[bundle.name]
    prepared = torch.load(scan, weights_only=False)
    volume, inside = torch.as_tensor(prepared["image"]), np.asarray(prepared["inside"])
    places = inside[np.random.default_rng(0).integers(len(inside), size=(count, batch))]
    cubes = [torch.stack([crop_cube(volume, p, edge, -1024) for p in row]) for row in places]
    return [window(cube.float(), bundle.window_hu, bundle.input_range) for cube in cubes]


def with_onnx_runtime(
    network: torch.nn.Module, example: torch.Tensor, known: Sequence[torch.Tensor], folder: Path
) -> dict[str, Run]:
    """ONNX Runtime in float32, and with static quantization."""
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = [{"x": x.numpy()} for x in known]

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return self.left.pop() if self.left else None

    plain, small = folder / "plain.onnx", folder / "int8.onnx"
    torch.onnx.export(
        network, (example,), plain, dynamo=False, input_names=["x"], output_names=["y"]
    )
    quantize_static(plain, small, Reader(), activation_type=QuantType.QUInt8, per_channel=True)

    def session(path: Path) -> Run:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        made = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda x: torch.from_numpy(made.run(None, {"x": x.numpy()})[0])

    return {"ONNX Runtime, float32": session(plain), "ONNX Runtime, int8": session(small)}


def with_openvino(
    network: torch.nn.Module, example: torch.Tensor, known: Sequence[torch.Tensor]
) -> dict[str, Run]:
    """OpenVINO in float32, and in int8 by NNCF's quantization after training."""
    import nncf
    import openvino

    plain = openvino.convert_model(network, example_input=example, input=[example.shape])
    small = nncf.quantize(plain, nncf.Dataset(known, lambda x: x.numpy()), subset_size=len(known))

    def compiled(model: Any) -> Run:
        hints = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        made = openvino.compile_model(model, "CPU", hints)
        return lambda x: torch.from_numpy(made(x.numpy())[0].copy())

    return {"OpenVINO, float32": compiled(plain), "OpenVINO, int8": compiled(small)}


def runtimes_of(
    bundle: LoadedBundle, batches: Sequence[torch.Tensor], folder: Path
) -> dict[str, Run]:
    """Everything that is installed; a runtime that fails is told and left out."""
    name, network = bundle.name, bundle.network
    half = batches[: len(batches) // 2]
    quick = accelerate(network, "float32")
    makers: dict[str, Callable[[], dict[str, Run]]] = {
        "torch": lambda: {
            "PyTorch, float32, as the chain": quick,
            "PyTorch, bfloat16, as the chain": accelerate(network, "bfloat16"),
            "PyTorch, float32, not rewritten": network,
        },
        "torch._inductor": lambda: {"torch.compile, float32": torch.compile(network)},
        "onnxruntime": lambda: with_onnx_runtime(network, batches[0], half, folder),
        "openvino": lambda: with_openvino(network, batches[0], half),
    }
    found: dict[str, Run] = {}
    for module, maker in makers.items():
        if find_spec(module) is None:
            print(f"{name}: {module} is not installed")
            continue
        try:
            made = maker()
            for run in made.values():
                run(batches[0])
            found |= made
        except Exception as error:
            print(f"{name}: {module}: {type(error).__name__}: {str(error)[:200]}")
    return found


def measure(name: str, scan: Path, rounds: int) -> list[dict[str, Any]]:
    """Seconds and differences of one network, a row for each runtime."""
    bundle = load_bundle(BUNDLES / name)
    batches = inputs_of(scan, bundle)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        found = runtimes_of(bundle, batches, Path(folder))
        judged = batches[len(batches) // 2 :]
        truth = [torch.sigmoid(bundle.network(x)) for x in judged]
        seconds: dict[str, list[float]] = {runtime: [] for runtime in found}
        for _ in range(rounds):
            for runtime, run in found.items():
                began = time.perf_counter()
                run(batches[-1])
                seconds[runtime].append(time.perf_counter() - began)
        first = statistics.median(next(iter(seconds.values())))
        rows = []
        for runtime, run in found.items():
            answers = [torch.sigmoid(run(x)) for x in judged]
            off = torch.cat([(a - b).abs().flatten() for a, b in zip(answers, truth, strict=True)])
            took = statistics.median(seconds[runtime])
            rows.append(
                {
                    "network": name,
                    "runtime": runtime,
                    "seconds": took,
                    "times_as_fast": first / took,
                    "largest_difference": float(off.max()),
                    "mean_difference": float(off.mean()),
                }
            )
    return rows


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--scan", type=Path, required=True, help="a file of a prepared folder")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--networks", nargs="+", default=list(PATCHES), choices=list(PATCHES))
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    rows = []
    for name in given.networks:
        for row in measure(name, given.scan, given.rounds):
            rows.append(row)
            print(
                f"{name:<14}{row['runtime']:<34}{row['seconds']:7.3f} s "
                f"{row['times_as_fast']:5.2f}x  off by at most {row['largest_difference']:.4f}, "
                f"{row['mean_difference']:.6f} on the mean",
                flush=True,
            )
    given.output.mkdir(parents=True, exist_ok=True)
    write_text(given.output / "runtimes.json", json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
