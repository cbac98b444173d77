"""What the malignancy network says of a nodule's look."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from nodulus.app.chain import Models
from nodulus.app.chain.characteristics import rate_characteristics
from nodulus.app.chain.scan_views import ScanViews
from nodulus.app.chain.settings_sections import CharacteristicSettings
from nodulus.app.volume import CtVolume
from tests.app.synthetic_chest import NODULES_LPS

RATINGS = ("malignancy", "spiculation", "calcification")


class Says(torch.nn.Module):
    """Logits that do not depend on the input."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)

    def every_output(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(x), -1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.every_output(x)[:, :1]


def asked(name, **given) -> CharacteristicSettings:
    return CharacteristicSettings(
        name=name, absent_below=0.2, present_from=0.7, chosen_on="nothing", **given
    )


def saying(models: Models, *logits: float, ratings=RATINGS) -> Models:
    own = {**vars(models.malignancy), "network": Says(*logits), "ratings": ratings}
    bundle = SimpleNamespace(**own)
    return Models(models.segmentation, models.nodule, bundle, models.device)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("logit", "probability", "present"),
    [(-2.0, 0.1192, False), (0.0, 0.5, None), (2.0, 0.8808, True)],
)
def test_each_answer_is_yes_no_or_not_assessed(
    volume: CtVolume, models: Models, logit, probability, present
) -> None:
    scan = ScanViews(volume, None, 0.0)
    points = [NODULES_LPS["big"], NODULES_LPS["small"]]
    rated = rate_characteristics(
        scan, points, saying(models, 0.0, logit, 9.0), [asked("spiculation")]
    )
    assert len(rated) == 2
    for (one,) in rated:
        assert (one.name, one.present) == ("spiculation", present)
        assert one.probability == pytest.approx(probability, abs=1e-4)


def test_an_answer_is_recalibrated_before_it_is_judged(volume: CtVolume, models: Models) -> None:
    scan = ScanViews(volume, None, 0.0)
    ((one,),) = rate_characteristics(
        scan,
        [NODULES_LPS["big"]],
        saying(models, 0.0, 2.0, 0.0),
        [asked("spiculation", temperature=2.0, offset=-3.0)],
    )
    assert one.probability == pytest.approx(0.1192, abs=1e-4)
    assert one.present is False


def test_what_the_network_does_not_rate_is_left_out(volume: CtVolume, models: Models) -> None:
    scan = ScanViews(volume, None, 0.0)
    points = [NODULES_LPS["big"]]
    settings = [asked("margin"), asked("calcification")]
    ((one,),) = rate_characteristics(scan, points, saying(models, 0, 0, 3.0), settings)
    assert (one.name, one.present) == ("calcification", True)
    assert rate_characteristics(scan, points, saying(models, 0.0, ratings=()), settings) == [()]


def test_a_mass_that_is_seen_in_larger_voxels_is_not_rated(
    volume: CtVolume, models: Models
) -> None:
    scan = ScanViews(volume, None, 0.0)
    point = tuple(NODULES_LPS["big"])
    scan.set_crop_spacing(point, 4.0)
    assert rate_characteristics(
        scan, [point], saying(models, 0.0, 3.0, 3.0), [asked("spiculation")]
    ) == [()]
