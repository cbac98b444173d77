"""The weighted mean of two networks' weights: python -m bundles.common.average_weights.

    python -m bundles.common.average_weights BEFORE.pt AFTER.pt --share 0.5 -o MEAN.pt

Of a network and of what fine-tuning made of it, the mean keeps most of what was learnt and more of
what it could before on data of other kinds (Wortsman et al., Robust fine-tuning of zero-shot
models, CVPR 2022, arXiv 2109.01903).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from bundles.common.engines.weights import save_weights
from bundles.common.patient_record import publish_joined


def average(
    before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor], share: float
) -> dict[str, torch.Tensor]:
    """Average two state dicts of one network.

    Args:
        before: and the next: by the same names, of the same shapes.
        after: what is no floating point, such as counters, is taken from here.
        share: weight of ``after``, 0 to 1.

    Returns:
        The mean.

    Raises:
        ValueError: the two are not of one network, or the share is no share.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share must lie between 0 and 1, got {share}")
    shapes = [
        {name: tuple(value.shape) for name, value in state.items()} for state in (before, after)
    ]
    if shapes[0] != shapes[1]:
        raise ValueError("the two files hold weights of different networks")
    return {
        name: torch.lerp(before[name], value, share) if value.is_floating_point() else value
        for name, value in after.items()
    }


def main(given: Sequence[str] | None = None) -> None:
    """Average two files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="weight of the second")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args(given)
    before, after = (torch.load(f, weights_only=True) for f in (args.before, args.after))
    save_weights(average(before, after, args.share), args.output)
    publish_joined((args.before, args.after), args.output)


if __name__ == "__main__":
    main()
