"""Thick slices from thin ones."""

import numpy as np
import pytest
import torch

from nodulus.transforms.slice_thickness import RandSliceThicknessd, thicken_slices


def test_one_slice_thick_changes_nothing():
    image = torch.randn(1, 3, 4, 9)
    assert torch.allclose(thicken_slices(image, 1.0), image, atol=1e-5)


def test_whole_slices_are_block_means_between_their_middles():
    image = torch.arange(12.0).square().expand(1, 2, 2, 12)
    thick = thicken_slices(image, 4.0)[0, 0, 0].numpy()
    means = image[0, 0, 0].reshape(3, 4).mean(1).numpy()
    expected = np.interp(np.arange(12), [1.5, 5.5, 9.5], means)
    np.testing.assert_allclose(thick, expected, rtol=1e-5)


@pytest.mark.parametrize("thickness", [1.3, 2.5, 3.7, 40.0])
@pytest.mark.parametrize("offset", [0.0, 0.6, 0.99])
def test_a_constant_stays_and_a_small_thing_loses_density(thickness, offset):
    image = torch.full((1, 2, 2, 30), -850.0)
    assert torch.allclose(thicken_slices(image, thickness, offset), image)
    image[..., 14:16] = 50.0
    thick = thicken_slices(image, thickness, offset)
    assert thick.max() <= 50.0 + 1e-3
    if thickness > 2:
        assert thick.max() < 45.0
    if thickness < 5:
        assert thick[0, 0, 0].argmax() in range(11, 19)


def test_thinner_is_refused():
    with pytest.raises(ValueError, match=r"thickness 0\.5 is below 1"):
        thicken_slices(torch.zeros(1, 2, 2, 4), 0.5)


def test_random_form_replays():
    image = torch.randn(1, 4, 4, 16)
    transform = RandSliceThicknessd("image", prob=1.0).set_random_state(1)
    result = transform({"image": image, "label": image})
    assert torch.equal(
        result["image"], thicken_slices(image, transform.thickness, transform.offset)
    )
    assert torch.equal(result["label"], image)
