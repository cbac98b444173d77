"""Small computations by one thread."""

import pytest
import torch

from nodulus.app.review.one_thread import one_thread


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_within_it_one_thread_computes_and_afterwards_as_many_as_before():
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_an_error_does_not_keep_it():
    with pytest.raises(ValueError, match="refused"), one_thread():
        raise ValueError("refused")
    assert torch.get_num_threads() == 2
