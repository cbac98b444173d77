"""Splits by patient: same seed, same sets; no patient in two."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from nodulus.bundles.common.data.studies import Study, read_data_dirs
from nodulus.bundles.common.data.tables import Nodule
from nodulus.bundles.common.reserved_patients import check_reserved
from nodulus.bundles.common.splits import (
    Folds,
    SharedShapes,
    Side,
    Split,
    check_split,
    draw_split,
    fold_split,
    load_split,
    moved,
    read_split,
    write_split,
)


def study(name: str, patient: str, malignancy: float | None = None, lidc: str = "") -> Study:
    nodules = ()
    if malignancy is not None:
        nodules = (Nodule(name, (0, 0, 0), 5.0, 1, malignancy, lidc or None),)
    return Study(name, patient, Path(f"{name}.mhd"), None, nodules)


def many() -> list[Study]:
    return [study(f"s{i}", f"p{i // 2}", [None, 2.0, 4.0][i // 2 % 3]) for i in range(60)]


def test_the_same_seed_gives_the_same_split_and_another_seed_another():
    assert draw_split(many(), 0.2, 3) == draw_split(many()[::-1], 0.2, 3)
    assert draw_split(many(), 0.2, 3) != draw_split(many(), 0.2, 4)


@pytest.mark.parametrize("seed", range(5))
def test_each_stratum_gives_its_share(seed):
    sides = draw_split(many(), 0.2, seed)
    validation = {p for p, side in sides.items() if side is Side.VALIDATION}
    assert 5 <= len(validation) <= 7
    for stratum in range(3):
        assert 1 <= sum(int(p[1:]) % 3 == stratum for p in validation) <= 3


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_two_patients_are_never_on_one_side(fraction):
    sides = draw_split([study("a", "p"), study("b", "q")], fraction, 0)
    assert set(sides.values()) == {Side.TRAINING, Side.VALIDATION}


def test_a_test_side_is_drawn_apart_from_the_others():
    sides = draw_split(many(), 0.2, 0, test_fraction=0.1)
    count = Counter(sides.values())
    assert count == {Side.TRAINING: 21, Side.VALIDATION: 6, Side.TEST: 3}
    assert Counter(draw_split(many(), 0.2, 0).values())[Side.TEST] == 0
    three = draw_split([study(n, n) for n in "abc"], 0.01, 0, test_fraction=0.01)
    assert set(three.values()) == set(Side)


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (1.0, 0.0), (-0.1, 0.0)])
def test_fractions_that_leave_no_training_are_refused(fractions):
    with pytest.raises(ValueError, match="nothing to train on"):
        draw_split(many(), fractions[0], 0, fractions[1])


def folded(*pairs):
    return [replace(study(f"s{i}", p), fold=f) for i, (p, f) in enumerate(pairs)]


def test_folds_decide_the_sides():
    studies = folded(*((f"p{k}", k % 10) for k in range(20)))
    sides = fold_split(studies, Folds((8,), (9, 0)))
    assert {p for p, s in sides.items() if s is Side.VALIDATION} == {"p8", "p18"}
    assert {p for p, s in sides.items() if s is Side.TEST} == {"p9", "p19", "p0", "p10"}
    assert sum(s is Side.TRAINING for s in sides.values()) == 14


def test_a_patient_in_two_folds_stays_whole(caplog):
    # as LIDC-IDRI-0332 in LUNA16: one scan in subset 2, one in subset 6
    pairs = [("two", 2), ("two", 6), ("most", 1), ("most", 1), ("most", 6), ("a", 1), ("b", 6)]
    sides = fold_split(folded(*pairs), Folds((6,)))
    assert sides == {
        "two": Side.VALIDATION,
        "most": Side.TRAINING,
        "a": Side.TRAINING,
        "b": Side.VALIDATION,
    }
    assert "2 studies leave the side of their fold" in caplog.text


@pytest.mark.parametrize(
    ("pairs", "folds", "message"),
    [
        ([("a", 0), ("b", None)], Folds((0,)), "1 studies are in no fold, among them series s1"),
        ([("a", 0), ("b", 1)], Folds((2,)), "no study for validation"),
        ([("a", 0), ("b", 1)], Folds((0,), (1,)), "no study for training"),
    ],
)
def test_folds_that_do_not_fit_the_data_are_refused(pairs, folds, message):
    with pytest.raises(ValueError, match=message):
        fold_split(folded(*pairs), folds)


def test_a_fold_cannot_be_two_things():
    with pytest.raises(ValueError, match=r"\[3\] are both validation and test"):
        Folds((2, 3), (3,))


def test_a_patient_on_both_sides_is_refused_by_number_not_by_name():
    with pytest.raises(ValueError, match="1 patients are in training and validation") as error:
        check_split([study("a", "secret")], [study("b", "secret")])
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("side", ["training", "validation"])
def test_a_test_patient_elsewhere_is_refused(side):
    sides = {"training": [study("a", "p")], "validation": [study("b", "q")]}
    twice = sides[side][0].patient_id
    with pytest.raises(ValueError, match=f"1 patients are in {side} and test"):
        check_split(sides["training"], sides["validation"], test=[study("c", twice)])


def test_a_series_under_two_patients_is_refused():
    with pytest.raises(ValueError, match="1 series are in training and validation"):
        check_split([study("a", "p")], [study("a", "q")])


def test_shared_nodule_shapes_are_reported_or_refused(caplog):
    sides = [study("a", "p", 2, "LIDC-1")], [study("b", "q", 2, "LIDC-1")]
    check_split(*sides)
    assert "1 LIDC-IDRI patients" in caplog.text
    with pytest.raises(ValueError, match="1 LIDC-IDRI patients"):
        check_split(*sides, SharedShapes.REFUSE)


def test_shared_background_is_reported():
    sides = [replace(study(n, n), background="real") for n in "ab"]
    with pytest.raises(ValueError, match="1 real scans"):
        check_split(sides[:1], sides[1:], "refuse")


def test_the_split_is_written_once_and_stays(tmp_path, fake_data):
    path = tmp_path / "splits.json"
    first = load_split([str(fake_data)], splits_file=path, fraction=0.5, seed=0)
    content = path.read_text()
    again = load_split([str(fake_data)], splits_file=path, fraction=0.25, seed=9)
    assert path.read_text() == content
    assert first == again
    assert len(first.training) == len(first.validation) == 2
    write_split(path, {"other": Side.TRAINING}, 0)
    assert path.read_text() == content
    assert [p.name for p in tmp_path.iterdir()] == ["splits.json"]


def test_a_patient_that_the_split_does_not_know_is_an_error(tmp_path, fake_data):
    path = tmp_path / "splits.json"
    write_split(path, {"P0-0": Side.TRAINING}, 0)
    with pytest.raises(ValueError, match="3 patients of the data are not in this split"):
        load_split([str(fake_data)], splits_file=path)


@pytest.mark.parametrize("text", ["{}", "[]", "no", '{"patients": {"p": "exam"}}'])
def test_a_broken_split_file_is_named(tmp_path, text):
    path = tmp_path / "splits.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"splits.json: not a split file"):
        read_split(path)


def test_validation_folders_take_the_place_of_the_file(fake_data, other_data):
    split = load_split([str(fake_data)], [str(other_data)])
    assert len(split.training) == 4
    assert {s.patient_id for s in split.validation} == {"P1-0", "P1-1"}
    assert not (other_data / "splits.json").exists()


def test_test_folders_join_the_test_side(fake_data, other_data, tmp_path):
    split = load_split(
        [str(fake_data)],
        splits_file=tmp_path / "s.json",
        fraction=0.3,
        test_fraction=0.3,
        test_dirs=[str(other_data)],
    )
    assert (len(split.training), len(split.validation), len(split.test)) == (2, 1, 3)
    assert {"P1-0", "P1-1"} < {s.patient_id for s in split.of("test")}
    with pytest.raises(ValueError, match="in training and test"):
        load_split([str(fake_data)], [str(other_data)], test_dirs=[str(fake_data)])


def test_folds_have_a_file_of_their_own_which_must_agree(monkeypatch, tmp_path):
    studies = folded(*((f"p{k}", k % 10) for k in range(20)))
    monkeypatch.setattr("nodulus.bundles.common.splits.read_data_dirs", lambda _: studies)
    split = load_split([str(tmp_path)], validation_folds=[8], test_folds=[9])
    assert (len(split.training), len(split.validation), len(split.test)) == (16, 2, 2)
    path = tmp_path / "splits-validation8-test9.json"
    assert json.loads(path.read_text())["folds"] == {"validation": [8], "test": [9]}
    assert load_split([str(tmp_path)], validation_folds=[8], test_folds=[9]) == split
    assert load_split([str(tmp_path)], splits_file=path) == split
    with pytest.raises(ValueError, match="another split than these folds"):
        load_split([str(tmp_path)], splits_file=path, validation_folds=[7])
    with pytest.raises(ValueError, match="not both"):
        load_split([str(tmp_path)], ["elsewhere"], validation_folds=[7])


def test_a_validation_folder_with_a_training_patient_is_refused(fake_data, other_data):
    table = other_data / "studies.csv"
    table.write_text(table.read_text().replace("P1-0", "P0-0"))
    with pytest.raises(ValueError, match="leaks"):
        load_split([str(fake_data)], [str(other_data)])


def test_the_file_names_sides_by_patient(tmp_path, fake_data):
    load_split([str(fake_data)], splits_file=tmp_path / "s.json", fraction=0.5)
    patients = json.loads((tmp_path / "s.json").read_text())["patients"]
    assert set(patients) == {s.patient_id for s in read_data_dirs(fake_data)}


def test_the_draw_keeps_to_the_list_of_patients():
    own = [study(f"s{i}", f"p{i}") for i in range(8)]
    public = [study("a", "LIDC-IDRI-0002"), study("b", "LUNG1-002"), study("c", "LIDC-IDRI-0310")]
    sides = draw_split([*own, *public], 0.2, 0)
    assert sides["LIDC-IDRI-0002"] is sides["LUNG1-002"] is Side.TEST
    assert sides["LIDC-IDRI-0310"] is Side.VALIDATION
    made = draw_split([*own, study("d", "PHANTOM-0", 2.0, "LIDC-IDRI-0310")], 0.0, 0)
    assert made["PHANTOM-0"] is Side.VALIDATION
    # a fifth of the eleven: one is settled, the other drawn
    assert Counter(sides.values()) == {Side.TRAINING: 7, Side.VALIDATION: 2, Side.TEST: 2}


@pytest.mark.parametrize(
    "reserved",
    [
        study("a", "LIDC-IDRI-0002"),
        study("a", "p", 4.0, "LIDC-IDRI-0002"),
        replace(study("a", "p"), background="LUNG1-002"),
    ],
)
def test_reserved_patients_are_never_learnt_from(reserved, caplog):
    with pytest.raises(ValueError, match="1 patients of the training side are reserved"):
        check_reserved([study("b", "q"), reserved])
    check_reserved([reserved], "report")
    assert "reserved for tests" in caplog.text
    check_reserved([study("b", "LIDC-IDRI-0001"), study("c", "QIN-LSC-0014")])


def test_patients_are_moved_to_the_sides_that_are_asked_for():
    split = Split((study("a", "p"), study("b", "q")), (study("c", "r"),), (study("d", "s"),))
    out = moved(split, {Side.VALIDATION: ["s"], Side.TEST: ["q", "r"]})
    assert [[s.patient_id for s in side] for side in out.sides().values()] == [
        ["p"], ["s"], ["q", "r"],
    ]  # fmt: skip
    assert moved(split, {Side.TEST: ()}) == split
    with pytest.raises(ValueError, match="1 of the patients to be moved"):
        moved(split, {Side.TEST: ["q", "x"]})
    with pytest.raises(ValueError, match="both held out and validated"):
        moved(split, {Side.TEST: ["q"], Side.VALIDATION: ["q"]})
