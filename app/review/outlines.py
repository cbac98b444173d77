"""Masks of single findings as they are kept and sent, and all of them as one label volume."""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.results.label_boxes import Labels, boxes_by_label
from nodulus.app.review.entries import Outline
from nodulus.app.review.review_state import ReviewState
from nodulus.transforms.blocks import Box, box_between, enclosing, relative

MAX_VOXELS = 64_000_000
"""Of one outline's box: more than a lung at half a millimetre."""


def encode_outline(box: Box, mask: NDArray[np.bool_]) -> Outline:
    """Give a mask as it is kept, its box cut to what is inside.

    Args:
        box: of the scan.
        mask: bool, shape of the box, at least one voxel.
    """
    where = np.argwhere(mask)
    low, high = where.min(axis=0), where.max(axis=0) + 1
    part = mask[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))]
    start = [int(s.start + a) for s, a in zip(box, low, strict=True)]
    packed = gzip.compress(np.packbits(part).tobytes(), 6, mtime=0)
    return Outline(
        box_start_irc=(start[0], start[1], start[2]),
        shape_irc=(part.shape[0], part.shape[1], part.shape[2]),
        mask=base64.b64encode(packed).decode("ascii"),
    )


def decode_outline(outline: Outline, shape_irc: Sequence[int]) -> tuple[Box, NDArray[np.bool_]]:
    """Give the box of the scan and the mask in it.

    Args:
        outline: as it is kept, or as a request has it.
        shape_irc: of the scan.

    Raises:
        NodulusError: ``entry-refused``: it does not hold, has no voxel or leaves the scan.
    """
    start, shape = outline.box_start_irc, outline.shape_irc
    count = shape[0] * shape[1] * shape[2]
    stop = [a + n for a, n in zip(start, shape, strict=True)]
    if not 0 < count <= MAX_VOXELS or any(b > n for b, n in zip(stop, shape_irc, strict=True)):
        raise _refused(f"a box of {shape} voxels from {start} is not within {tuple(shape_irc)}")
    expected = -(-count // 8)
    try:
        packed = base64.b64decode(outline.mask, validate=True)
        # Reads no further than what may be in it, however much that unpacks to.
        unpacker = zlib.decompressobj(wbits=31)
        data = unpacker.decompress(packed, expected + 1)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise _refused("the mask is no base64 of gzip") from error
    if len(data) != expected or not unpacker.eof:
        raise _refused(f"the mask has {len(data):,} bytes or more and must have {expected:,}")
    mask = np.unpackbits(np.frombuffer(data, np.uint8), count=count).astype(bool).reshape(shape)
    if not mask.any():
        raise _refused("the mask is empty")
    i, r, c = (slice(a, b) for a, b in zip(start, stop, strict=True))
    return (i, r, c), mask


def outline_dice(one: Outline, two: Outline) -> float:
    """Give how far two masks of one scan overlap: 0 not at all, 1 for the same.

    Dice, Ecology 26 (1945): twice the shared voxels by those of both.

    Args:
        one: as it is kept.
        two: likewise.

    Raises:
        NodulusError: ``entry-refused`` where one does not hold.
    """
    ends = [
        [start + count for start, count in zip(o.box_start_irc, o.shape_irc, strict=True)]
        for o in (one, two)
    ]
    within = [max(pair) for pair in zip(*ends, strict=True)]
    (box, mask), (other_box, other) = decode_outline(one, within), decode_outline(two, within)
    whole = np.zeros(within, bool)
    whole[box] = mask
    shared = np.count_nonzero(whole[other_box] & other)
    return 2 * shared / (np.count_nonzero(mask) + np.count_nonzero(other))


def current_labels(base: Labels, state: ReviewState, *, only_nodules: bool = False) -> Labels:
    """Give the label volume as the reader left it.

    Where two findings claim a voxel, the one whose outline was drawn by the reader has it.

    Args:
        base: shape (I, R, C), the chain's labels.
        state: of the review.
        only_nodules: leave out what was rejected.
    """
    most = max((f.label for f in state.findings), default=0)
    labels: Labels = base.astype(np.uint8 if most < 256 else np.uint16)
    left_out = {
        f.label
        for f in state.findings
        if f.outline is not None or (only_nodules and f.decision == "rejected")
    }
    boxes = boxes_by_label(labels) if left_out else {}
    for label in left_out & set(boxes):
        part = labels[boxes[label]]
        part[part == label] = 0
    for finding in state.findings:
        if finding.outline is None or (only_nodules and finding.decision == "rejected"):
            continue
        box, mask = decode_outline(finding.outline, labels.shape)
        labels[box][mask] = finding.label
    return labels


def labelled_box(base: Labels, boxes: Mapping[int, Box], state: ReviewState) -> tuple[Box, Labels]:
    """Give `current_labels` in a box that holds all labels; the first voxel's where there is none.

    Args:
        base: shape (I, R, C), the chain's labels.
        boxes: of each of them.
        state: of the review.
    """
    drawn = {f.label: f.outline for f in state.findings if f.outline is not None}
    held = [box for label, box in boxes.items() if label not in drawn]
    for outline in drawn.values():
        start = np.asarray(outline.box_start_irc)
        held.append(box_between(start, start + outline.shape_irc))
    where = enclosing(held or [box_between((0, 0, 0), (1, 1, 1))])
    most = max((f.label for f in state.findings), default=0)
    labels: Labels = base[where].astype(np.uint8 if most < 256 else np.uint16)
    labels[np.isin(labels, list(drawn))] = 0
    for label, outline in drawn.items():
        own, mask = decode_outline(outline, base.shape)
        labels[relative(own, where)][mask] = label
    return where, labels


def finding_mask(
    base: Labels, state: ReviewState, name: str
) -> tuple[Box, NDArray[np.bool_]] | None:
    """Give the mask of one finding as it is now; None where it has no voxel.

    Args:
        base: shape (I, R, C), the chain's labels.
        state: of the review.
        name: the finding's id.
    """
    finding = state.finding(name)
    if finding is None:
        return None
    if finding.outline is not None:
        return decode_outline(finding.outline, base.shape)
    box = boxes_by_label(base).get(finding.label)
    if box is None:
        return None
    i, r, c = box
    return (i, r, c), np.asarray(base[box] == finding.label)


def _refused(what: str) -> NodulusError:
    return NodulusError(
        ErrorCode.ENTRY_REFUSED,
        f"The outline does not hold: {what}.",
        remedy="Draw it again within the scan.",
    )
