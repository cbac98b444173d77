"""The record of training patients names nobody, and refuses leaks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nodulus.bundles.common.data.studies import Study
from nodulus.bundles.common.patient_record import (
    PatientRecord,
    check_records,
    keep_record,
    publish_record,
    record_of_weights,
    record_path,
    unseen,
)
from nodulus.bundles.common.splits import Side, Split


def studies(*patients, series="s"):
    return tuple(Study(f"{series}-{p}", p, Path("x.mhd"), None) for p in patients)


AB = Split(studies("Anna"), studies("Bert"))
BA = Split(studies("Bert"), studies("Anna"))


@pytest.fixture
def weights(tmp_path):
    """Published weights of a run with Anna in training and Bert in validation."""
    keep_record(AB, "nodule", tmp_path / "nodule")
    path = tmp_path / "published" / "model.pt"
    path.parent.mkdir()
    path.write_bytes(b"weights")
    publish_record(tmp_path / "nodule", path)
    return path


def test_a_record_survives_and_names_nobody(tmp_path):
    keep_record(replace(AB, test=studies("LIDC-IDRI-0001")), "nodule", tmp_path)
    text = (tmp_path / "patients.json").read_text()
    assert "Anna" not in text
    assert "Bert" not in text
    assert "LIDC-IDRI-0001" in text
    record = PatientRecord.read(tmp_path / "patients.json")
    assert record.patients["LIDC-IDRI-0001"] is Side.TEST
    assert sorted(s.value for s in record.patients.values()) == ["test", "training", "validation"]
    assert not list(tmp_path.glob("*.part"))


def test_initial_weights_that_learnt_from_a_validation_patient_are_refused(weights, tmp_path):
    assert check_records(AB, "malignancy", tmp_path / "m", weights) is AB
    with pytest.raises(
        ValueError, match="1 patients are in training and in the validation of"
    ) as e:
        check_records(BA, "malignancy", tmp_path / "m", weights)
    assert "nodule" in str(e.value)
    assert str(record_path(weights)) in str(e.value)
    assert "Anna" not in str(e.value)


@pytest.mark.parametrize("sides", [(("Carl",), ("Anna",)), (("Bert",), ("Carl",))])
def test_one_patient_is_enough(weights, tmp_path, sides):
    with pytest.raises(ValueError, match="the split leaks: 1 patients"):
        check_records(Split(*(studies(*side) for side in sides)), "malignancy", tmp_path, weights)


def test_the_same_scan_under_another_patient_id_is_found(tmp_path):
    keep_record(Split(studies("1.2.3.4.5.6"), ()), "nodule", tmp_path / "nodule")
    same = Study("s-1.2.3.4.5.6", "LIDC-IDRI-0001", Path("x.mhd"), None)
    with pytest.raises(ValueError, match="1 series are in validation and in the training"):
        check_records(Split((), (same,)), "malignancy", tmp_path / "m", runs_dir=tmp_path)


def test_other_tasks_runs_in_the_same_folder_must_agree(tmp_path):
    keep_record(AB, "segmentation", tmp_path / "runs" / "segmentation")
    here = tmp_path / "runs" / "nodule"
    with pytest.raises(ValueError, match="the split leaks"):
        check_records(BA, "nodule", here, runs_dir=here / "..")
    check_records(AB, "nodule", here, runs_dir=here / "..")
    check_records(BA, "segmentation", tmp_path / "runs" / "segmentation2", runs_dir=here / "..")
    check_records(BA, "nodule", here)


def test_what_the_initial_weights_had_seen_is_handed_on(weights, tmp_path):
    keep_record(Split(studies("Carl"), studies("Dora")), "malignancy", tmp_path / "m", weights)
    assert len(PatientRecord.read(tmp_path / "m" / "patients.json").patients) == 4
    with pytest.raises(ValueError, match="in validation and in the training of"):
        check_records(Split((), studies("Anna")), "segmentation", tmp_path / "s", runs_dir=tmp_path)


def test_published_weights_of_the_other_bundles_give_a_warning(tmp_path, weights, caplog):
    for task in ("nodule", "malignancy"):
        (tmp_path / task / "models").mkdir(parents=True)
        for path in (weights, record_path(weights)):
            (tmp_path / task / "models" / path.name).write_bytes(path.read_bytes())
    check_records(BA, "malignancy", tmp_path / "o", bundle_root=tmp_path / "malignancy")
    assert caplog.text.count("train it anew") == 1
    assert str(Path("nodule") / "models" / "model.pt") in caplog.text


def test_weights_without_a_record_of_their_own_give_a_warning(tmp_path, weights, caplog):
    weights.write_bytes(b"others")
    assert record_of_weights(weights) is None
    check_records(BA, "malignancy", tmp_path, weights)
    assert "does not say whom" in caplog.text


def test_a_record_under_another_key_is_compared_by_public_ids_alone(
    tmp_path, weights, monkeypatch, caplog
):
    monkeypatch.setenv("NODULUS_PATIENT_KEY", str(tmp_path / "another.key"))
    check_records(BA, "malignancy", tmp_path, weights)
    assert "another key" in caplog.text
    public = Split(studies("LIDC-IDRI-0001"), ())
    keep_record(public, "nodule", tmp_path / "runs" / "nodule")
    monkeypatch.setenv("NODULUS_PATIENT_KEY", str(tmp_path / "third.key"))
    with pytest.raises(ValueError, match="leaks"):
        check_records(
            Split((), public.training), "malignancy", tmp_path / "runs" / "m", None,
            tmp_path / "runs",
        )  # fmt: skip


def test_publishing_without_a_record_takes_the_old_one_away(tmp_path, weights):
    publish_record(tmp_path / "no-run", weights)
    assert not record_path(weights).exists()
    publish_record(tmp_path / "nodule", None)


def test_weights_are_not_evaluated_on_what_they_learnt_from(weights):
    assert unseen(AB.validation, "validation", weights) == AB.validation
    assert unseen(AB.training, Side.TRAINING, weights) == AB.training
    with pytest.raises(ValueError, match="learnt from 1 of the 1 test studies"):
        unseen(AB.training, Side.TEST, weights)


@pytest.mark.parametrize("content", ["no", "[]", "{}", json.dumps({"patients": {"exam": []}})])
def test_a_broken_record_is_named(tmp_path, content):
    (tmp_path / "patients.json").write_text(content)
    with pytest.raises(ValueError, match=r"patients.json: not a record"):
        PatientRecord.read(tmp_path / "patients.json")
