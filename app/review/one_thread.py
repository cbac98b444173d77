"""Small computations by one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Have PyTorch compute on the calling thread alone.

    The crops of a single nodule are small: several threads wait for one another longer than they
    compute, above all where the browser and other programs use the same processor.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
