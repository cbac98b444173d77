"""How even training, validation and test sets are."""

import pytest

from nodulus.app.data.eda.split_balance import UNASSIGNED, patient_sides, split_balance
from nodulus.bundles import config_files
from nodulus.bundles.common.data.tables import LabelledCandidate
from nodulus.bundles.common.splits import Side, draw_split, write_split


@pytest.fixture
def studies(make_study, make_nodule):
    small = make_nodule(diameter=5.0, malignancy=1.0, lidc_patient="L1")
    large = make_nodule(diameter=20.0, malignancy=4.0, lidc_patient="L2")
    true, false = (LabelledCandidate("x", (0.0, 0.0, 0.0), truth) for truth in (True, False))
    return [
        make_study(small, large, uid="1", patient="A", candidates=(true, false, false)),
        make_study(uid="2", patient="A", background="scan"),
        make_study(small, uid="3", patient="B", background="scan", candidates=(false,)),
        make_study(large, uid="4", patient="C"),
        make_study(uid="5", patient="D"),
    ]


def test_counts_by_side(studies):
    sides = {"A": Side.TRAINING, "B": Side.VALIDATION, "C": Side.TEST}
    found = split_balance(studies, sides, "splits.json")
    by_name = {side.name: side for side in found.sides}
    assert list(by_name) == ["training", "validation", "test", UNASSIGNED]
    training = by_name["training"]
    assert (training.patients, training.features["scans"], training.candidates) == (1, 2, (1, 2))
    assert training.features["under 6 mm"] == training.features["15 mm and more"] == 1
    assert training.features["rated benign"] == training.features["rated malignant"] == 1
    assert by_name["validation"].features["nodules"] == 1
    assert by_name["validation"].candidates == (0, 1)
    assert by_name["test"].features["rated malignant"] == 1
    assert by_name[UNASSIGNED].features["no nodule"] == 1
    assert found.shared_lidc_patients == 2
    assert found.shared_backgrounds == 1
    assert found.source == "splits.json"


def test_an_even_split_is_called_even(make_study, make_nodule):
    studies = [
        make_study(*[make_nodule()] * (n % 2), uid=f"{n}", patient=f"P{n}") for n in range(8)
    ]

    def worst(chosen):
        sides = {
            f"P{n}": Side.VALIDATION if n in chosen else Side.TRAINING for n in range(len(studies))
        }
        return max(side.imbalance for side in split_balance(studies, sides, None).sides)

    assert worst({0, 1}) == pytest.approx(0)
    assert worst({1, 3}) > 1


def test_the_file_is_the_one_that_training_reads(studies, tmp_path):
    drawn = draw_split(studies, 0.2, 0)
    assert patient_sides(studies, None, tmp_path) == (drawn, None)
    assert not list(tmp_path.iterdir())
    own = dict.fromkeys("ABCD", Side.TRAINING) | {"C": Side.TEST}
    write_split(tmp_path / "splits.json", own, 0)
    assert patient_sides(studies, None, tmp_path) == (own, "splits.json")
    other = dict.fromkeys("ABCD", Side.VALIDATION)
    write_split(tmp_path / "other.json", other, 0)
    assert patient_sides(studies, tmp_path / "other.json", tmp_path) == (other, "other.json")


def test_a_missing_file_is_no_default(studies, tmp_path):
    with pytest.raises(FileNotFoundError):
        patient_sides(studies, tmp_path / "none.json", tmp_path)


def test_the_default_is_what_the_bundles_draw():
    from monai.bundle import ConfigParser

    from nodulus.app.data.eda.split_balance import FRACTION, SEED

    for name in ("segmentation", "nodule", "malignancy"):
        config = ConfigParser.load_config_files(config_files(name, "train"))
        assert (config["validation_fraction"], config["test_fraction"]) == (FRACTION, 0.0)
        assert config["seed"] == SEED
        assert config["splits_file"] is None
