"""Train the 2D part of the nodule classifier: python -m nodulus.bundles.common.slices.train_slices.

Everything but ``slices.`` in the weights stays as it is. Runs of the same seed give the same
weights on one machine. bfloat16 where the CPU computes in it, see docs/training.md.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from monai.bundle import ConfigParser
from sklearn.metrics import roc_auc_score
from torch.nn.functional import affine_grid, binary_cross_entropy_with_logits, grid_sample

from nodulus.bundles import config_files
from nodulus.bundles.common.atomic_files import sha256
from nodulus.bundles.common.engines import load_weights
from nodulus.bundles.common.engines.weights import save_weights
from nodulus.bundles.common.networks.cube_and_slice_resnet import CubeAndSliceResNet
from nodulus.bundles.common.patient_record import PatientRecord, record_of_weights, record_path
from nodulus.bundles.common.patient_roles import Role
from nodulus.bundles.common.patient_tokens import load_key, token
from nodulus.bundles.common.slices import slice_items
from nodulus.bundles.common.slices.slice_batches import SliceBatches
from nodulus.bundles.common.slices.slice_items import EDGE, UNKNOWN_MM, SliceItems
from nodulus.bundles.common.splits import Side

logger = logging.getLogger(__name__)

_SMOOTHED = 0.05
"""Labels are so far from 0 and 1 in all: some slices at a nodule's end show none."""


def network(weights: Path | None) -> CubeAndSliceResNet:
    """The nodule bundle's network; weights that lack its 2D part leave that random."""
    config = ConfigParser()
    config.read_config(str(config_files("nodule", "inference")[0]))
    made: CubeAndSliceResNet = config.get_parsed_content("network_def")
    load_weights(made, weights, may_lack=("slices.",))
    return made


def train(
    made: CubeAndSliceResNet,
    items: SliceItems,
    steps: int,
    *,
    batch: int = 64,
    learning_rate: float = 2e-3,
    mean_decay: float = 0.995,
    seed: int = 0,
    autocast: bool = True,
) -> CubeAndSliceResNet:
    """Train, and return the network with the mean of its weights over the last steps.

    Args:
        made: its 2D part learns.
        items: to learn from.
        steps: of the optimizer.
        batch: slices a step.
        learning_rate: the highest.
        mean_decay: of the exponential mean of the weights.
        seed: of the draws.
        autocast: compute in bfloat16.
    """
    edge = made.slice_edge
    batches, part = SliceBatches(items, edge, seed), made.slices
    made.train()
    optimizer = torch.optim.AdamW(part.parameters(), lr=learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=steps, pct_start=0.15
    )
    mean = {name: value.clone() for name, value in part.state_dict().items()}
    begun, total = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        images, truth = batches.draw(batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            logits = made.of_slices(images.contiguous(memory_format=torch.channels_last))
        aim = truth * (1 - _SMOOTHED) + _SMOOTHED / 2
        loss = binary_cross_entropy_with_logits(logits.float()[:, 0], aim)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(part.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        kept = min(mean_decay, step / (step + 9))
        for name, value in part.state_dict().items():
            old = mean[name]
            mean[name] = old * kept + value * (1 - kept) if old.is_floating_point() else value
        total += float(loss.detach())
        if step % 100 == 0 or step == steps:
            rate = step / (time.monotonic() - begun)
            logger.info(
                "%d/%d, %.1f a second, loss %.4f", step, steps, rate, total / (step % 100 or 100)
            )
            total = 0.0
    part.load_state_dict(mean)
    return made.eval()


def judged(made: CubeAndSliceResNet, items: SliceItems, guessed_mm: float = 0.7) -> torch.Tensor:
    """The 2D part's logits of items as they are, shape (n,); an unknown pixel is guessed."""
    edge = made.slice_edge
    pixel = torch.from_numpy(items.pixel_mm).where(
        torch.from_numpy(items.pixel_mm) != UNKNOWN_MM, torch.tensor(guessed_mm)
    )
    theta = torch.zeros(len(items), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = (edge / pixel / EDGE).float()
    theta[:, :, 2] = torch.from_numpy(items.center).float() / (EDGE / 2)
    found = []
    with torch.inference_mode():
        for part in torch.split(torch.arange(len(items)), 128):
            grid = affine_grid(theta[part], [len(part), 1, edge, edge], align_corners=False)
            hu = torch.from_numpy(items.hu[part.numpy()]).float()[:, None]
            hu = grid_sample(hu, grid, padding_mode="border", align_corners=False)
            found.append(made.of_slices((hu.clamp(-1000, 400) + 1000) / 1400)[:, 0])
    return torch.cat(found)


def keep_record(items: SliceItems, earlier: PatientRecord | None, weights: Path) -> None:
    """Write beside the weights whom they learnt from; of a patch all whose it may be."""
    key = load_key()
    seen = {token(p, key): Side.TRAINING for own in items.patients for p in own}
    record = PatientRecord("nodule", seen, {})
    record = record if earlier is None else record.joined(earlier)
    replace(record, weights_sha256=sha256(weights)).write(record_path(weights))


def main(given: Sequence[str] | None = None) -> None:
    """Read the options, train, say how the validation patients' slices are judged."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--slices", type=Path, help="archive of `nodulus prepare slices`")
    parser.add_argument("--cubes", type=Path, help="archive of `nodulus prepare cubes`")
    parser.add_argument("--patches", type=Path, help="archive of LUNA16's candidates")
    parser.add_argument("--series-list", type=Path, help="LUNA16's seriesuids.csv, for --patches")
    parser.add_argument("--scans", type=Path, help="training cache of scans with candidates")
    parser.add_argument("--weights", type=Path, help="to start from; their 3D part stays")
    parser.add_argument("--without", nargs="*", default=[], help="patients to leave out")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, required=True, help="weights to write")
    options = parser.parse_args(given)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parts = []
    if options.slices:
        parts.append(slice_items.rated_slices(options.slices))
    if options.cubes:
        parts.append(slice_items.cut_out_nodules(options.cubes))
    if options.patches:
        if options.series_list is None:
            parser.error("--patches needs --series-list")
        parts.append(slice_items.candidate_patches(options.patches, options.series_list))
    if options.scans:
        parts.append(slice_items.chain_candidates(options.scans))
    if not parts:
        parser.error("nothing to learn from: give --slices, --cubes, --patches or --scans")
    everything = slice_items.joined(parts)
    items = everything.of_role(Role.TRAINING, options.without)
    logger.info("training: %s", dict(items.counted()))
    torch.manual_seed(options.seed)
    made = train(network(options.weights), items, options.steps, seed=options.seed)
    save_weights(made.state_dict(), options.output)
    earlier = None if options.weights is None else record_of_weights(options.weights)
    keep_record(items, earlier, options.output)
    held = everything.of_role(Role.VALIDATION, options.without)
    if len(set(held.nodule.tolist())) == 2:
        auc = roc_auc_score(held.nodule, judged(made, held).numpy())
        logger.info("validation patients: AUC %.4f of %s", auc, dict(held.counted()))


if __name__ == "__main__":
    main()
