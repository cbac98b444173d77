"""Noise that neighbouring voxels share."""

import numpy as np
import torch

from nodulus.transforms.correlated_noise import (
    CorrelatedNoise,
    RandCorrelatedNoised,
    add_correlated_noise,
)

IMAGE = torch.full((1, 32, 32, 32), -800.0)


def noise_of(sigma, band, seed=1, std=30.0):
    record = CorrelatedNoise(std, (sigma, sigma, sigma), band, seed)
    return (add_correlated_noise(IMAGE, record) - IMAGE)[0].numpy()


def neighbour_correlation(field):
    return float(np.corrcoef(field[1:].ravel(), field[:-1].ravel())[0, 1])


def test_it_has_the_strength_that_was_asked_for():
    assert np.isclose(noise_of(0.8, 0.5).std(), 30.0, rtol=1e-3)


def test_neighbours_share_it_and_a_record_replays_it():
    assert neighbour_correlation(noise_of(0.0, 0.0)) < 0.05
    assert neighbour_correlation(noise_of(1.0, 0.0)) > 0.6
    np.testing.assert_array_equal(noise_of(1.0, 0.3), noise_of(1.0, 0.3))
    assert not np.array_equal(noise_of(1.0, 0.3), noise_of(1.0, 0.3, seed=2))


def test_the_band_takes_slow_noise_out():
    def slow(field):
        return np.abs(np.fft.fftn(field))[:3, :3, :3].mean()

    assert slow(noise_of(0.8, 1.0)) < 0.5 * slow(noise_of(0.8, 0.0))


def test_random_form_keeps_what_it_drew():
    transform = RandCorrelatedNoised("image", prob=1.0).set_random_state(3)
    result = transform({"image": IMAGE})
    assert transform.noise is not None
    assert torch.equal(result["image"], add_correlated_noise(IMAGE, transform.noise))
    never = RandCorrelatedNoised("image", prob=0.0).set_random_state(3)
    assert torch.equal(never({"image": IMAGE})["image"], IMAGE)
