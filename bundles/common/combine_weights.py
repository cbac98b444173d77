"""Put weights together out of several files: python -m nodulus.bundles.common.combine_weights.

The mean of weights that were fine-tuned from one start in different ways finds what each of them
finds more often than any one does (model soups: Wortsman et al., ICML 2022, arXiv:2203.05482), and
one with the start forgets less (WiSE-FT: Wortsman et al., CVPR 2022, arXiv:2109.01903). A network
of two parts takes each from where that part was trained.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from nodulus.bundles.common.atomic_files import sha256
from nodulus.bundles.common.engines.weights import save_weights
from nodulus.bundles.common.patient_record import (
    PatientRecord,
    record_of_weights,
    record_path,
)
from nodulus.bundles.common.splits import Side

State = Mapping[str, torch.Tensor]


def mean_of(
    states: Sequence[State], shares: Sequence[float] | None = None
) -> dict[str, torch.Tensor]:
    """The mean of each parameter and of each running statistic; counters are those of the first.

    Args:
        states: state dicts of one network.
        shares: how much each of them counts; alike if None.

    Raises:
        ValueError: they are of different networks, or the shares do not fit.
    """
    given = [1.0] * len(states) if shares is None else [float(share) for share in shares]
    if len(given) != len(states) or min(given, default=0.0) < 0 or not sum(given):
        raise ValueError(f"{len(states)} files need as many shares, 0 or more, got {given}")
    first = states[0]
    for other in states[1:]:
        if {k: v.shape for k, v in other.items()} != {k: v.shape for k, v in first.items()}:
            raise ValueError("the weights are of different networks")
    parts = [share / sum(given) for share in given]
    mean = {}
    for name, value in first.items():
        if value.is_floating_point():
            summed = torch.zeros(value.shape, dtype=torch.float64)
            for state, part in zip(states, parts, strict=True):
                summed += part * state[name].double()
            mean[name] = summed.to(value.dtype)
        else:
            mean[name] = value
    return mean


def with_part(state: State, other: State, prefix: str) -> dict[str, torch.Tensor]:
    """A state dict whose names that begin with a prefix come from another one.

    Raises:
        ValueError: the other one has no such name.
    """
    part = {name: value for name, value in other.items() if name.startswith(prefix)}
    if not part:
        raise ValueError(f"no name begins with {prefix!r}")
    return {k: v for k, v in state.items() if not k.startswith(prefix)} | part


def joined_record(sources: Sequence[Path]) -> PatientRecord:
    """Whom any of some weights has seen.

    Who was in the training of one of them was in that of all, whatever the others say.

    Raises:
        ValueError: a source has no record of its own.
    """
    records = []
    for path in sources:
        record = record_of_weights(path)
        if record is None:
            raise ValueError(f"{record_path(path)}: does not say whom {path.name} learnt from")
        records.append(record)
    return replace(
        records[0],
        patients=_strictest([record.patients for record in records]),
        series=_strictest([record.series for record in records]),
        keys=frozenset().union(*(record.keys for record in records)),
        weights_sha256=None,
    )


_STRICTNESS = (Side.TEST, Side.VALIDATION, Side.TRAINING)


def _strictest(sides: Sequence[Mapping[str, Side]]) -> dict[str, Side]:
    everything = {name for own in sides for name in own}
    return {
        name: max((own[name] for own in sides if name in own), key=_STRICTNESS.index)
        for name in everything
    }


def combine(
    files: Sequence[Path],
    output: Path,
    shares: Sequence[float] | None = None,
    parts: Mapping[str, Path] | None = None,
) -> None:
    """Write the mean of some weights, with parts of others, and whom all of them have seen.

    Args:
        files: ``model.pt`` of one network, each with its record of patients.
        output: to write.
        shares: how much each counts; alike if None.
        parts: for a prefix of names, the file whose parameters of that prefix are taken as they
            are.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: the files do not fit, or one has no record.
    """
    chosen = dict(parts or {})
    for path in (*files, *chosen.values()):
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no weights")
    state = mean_of([torch.load(p, "cpu", weights_only=True) for p in files], shares)
    for prefix, path in chosen.items():
        state = with_part(state, torch.load(path, "cpu", weights_only=True), prefix)
    record = joined_record([*files, *chosen.values()])
    save_weights(state, output)
    replace(record, weights_sha256=sha256(output)).write(record_path(output))


def main(given: Sequence[str] | None = None) -> None:
    """Read the options and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("files", type=Path, nargs="+", help="weights of one network")
    parser.add_argument("--shares", type=float, nargs="+", help="how much each counts; alike")
    parser.add_argument(
        "--part",
        nargs=2,
        action="append",
        default=[],
        metavar=("PREFIX", "FILE"),
        help="take the parameters of this prefix, such as slices., from this file alone",
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="weights to write")
    options = parser.parse_args(given)
    try:
        parts = {prefix: Path(file) for prefix, file in options.part}
        combine(options.files, options.output, options.shares, parts)
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
