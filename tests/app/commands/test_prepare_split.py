"""`nodulus prepare split` draws what training would draw, shows it, and names leaks, not people."""

from __future__ import annotations

import csv
import inspect
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nodulus.app.commands.prepare_split import split as command
from nodulus.app.commands.root import cli
from nodulus.bundles.common.splits import Side, load_split, read_split, write_split

REPOSITORY = Path(__file__).resolve().parents[3]
HEADER = ("series_uid", "patient_id", "background")
NODULES = ("series_uid", "center_x_lps_mm", "center_y_lps_mm", "center_z_lps_mm", "diameter_mm",
           "malignancy", "lidc_patient")  # fmt: skip


def write_folder(root: Path, studies: list[tuple[str, str, str]], nodules: list[tuple]) -> Path:
    """A data folder whose images nobody opens; subsets by the last digit of the series UID."""
    for uid, _, _ in studies:
        subset = root / "luna16" / f"subset{uid[-1]}"
        subset.mkdir(parents=True, exist_ok=True)
        (subset / f"{uid}.mhd").touch()
    for name, header, rows in (("studies", HEADER, studies), ("nodules", NODULES, nodules)):
        with (root / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
    return root


def nodule(uid: str, diameter: float = 5.0, malignancy: object = "", lidc: str = "") -> tuple:
    return (uid, 0, 0, 0, diameter, malignancy, lidc)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten patients of one scan and one nodule, half of them malignant."""
    studies = [(f"1.{n}", f"Smith-{n}", "") for n in range(10)]
    return write_folder(
        tmp_path / "a", studies, [nodule(f"1.{n}", 5.0, 1 + 4 * (n % 2)) for n in range(10)]
    )


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "b", [("2.0", "Jones", ""), ("2.1", "Jones", "")], [])


def run(*args: object) -> Result:
    return CliRunner().invoke(cli, ["prepare", "split", *map(str, args)])


def report(tmp_path: Path, *args: object, status: int = 0) -> dict[str, Any]:
    result = run(*args, "--json", tmp_path / "report.json")
    assert result.exit_code == status, result.output
    assert "Smith" not in result.output
    text = (tmp_path / "report.json").read_text()
    assert "Smith" not in text
    return json.loads(text)


def counted(found: dict[str, Any], name: str) -> list[int]:
    return [side[name] for side in found["sides"].values()]


def test_it_writes_the_split_that_training_draws(folder: Path, tmp_path: Path) -> None:
    result = run(folder, "--test-fraction", 0.2, "--seed", 3)
    assert result.exit_code == 0
    assert f"{folder / 'splits.json'}: written" in result.output
    load_split(
        [str(folder)], splits_file=tmp_path / "own.json", seed=3, fraction=0.2, test_fraction=0.2
    )
    assert (folder / "splits.json").read_text() == (tmp_path / "own.json").read_text()


def test_its_defaults_are_those_of_training() -> None:
    keys = json.loads((REPOSITORY / "bundles/common/configs/train.json").read_text())
    defaults = {param.name: param.default for param in command.params}
    for name in ("validation_fraction", "test_fraction", "seed", "shared_shapes",
                 "reserved_patients"):  # fmt: skip
        assert defaults[name] == keys[name]
    own = inspect.signature(load_split).parameters
    assert (own["fraction"].default, own["seed"].default) == (0.2, 0)


def test_what_is_on_each_side(folder: Path, other: Path, tmp_path: Path) -> None:
    sides = {f"Smith-{n}": Side.VALIDATION if n in (1, 2, 3) else Side.TRAINING for n in range(10)}
    write_split(tmp_path / "s.json", {**sides, "Jones": Side.TEST}, 0)
    found = report(tmp_path, folder, other, "--splits-file", tmp_path / "s.json")
    assert list(found["sides"]) == ["training", "validation", "test"]
    assert counted(found, "patients") == [7, 3, 1]
    assert counted(found, "scans") == [7, 3, 2]
    assert counted(found, "nodules") == [7, 3, 0]
    assert counted(found, "no nodule") == [0, 0, 1]
    assert counted(found, "rated malignant") == [3, 2, 0]
    assert counted(found, "rated benign") == [4, 1, 0]
    rows = [(Path(r["folder"]).name, r["side"], r["patients"], r["scans"], r["nodules"])
            for r in found["folders"] if r["scans"]]  # fmt: skip
    assert rows == [
        ("a", "training", 7, 7, 7),
        ("a", "validation", 3, 3, 3),
        ("b", "test", 1, 2, 0),
    ]
    assert found["leaks"] == []
    assert (found["state"], found["file"]) == ("read", str(tmp_path / "s.json"))


def test_the_table_in_text(folder: Path) -> None:
    run(folder)
    lines = [line.split() for line in run(folder).output.splitlines()]
    assert ["training", "validation", "test"] in lines
    assert ["patients", "8", "2", "0"] in lines
    assert ["nodules", "8", "2", "0"] in lines
    assert f"{folder}: training 8 patients, 8 scans, 8 nodules".split() in lines


def test_a_file_that_is_there_is_shown_and_stays(folder: Path) -> None:
    path = folder / "splits.json"
    write_split(path, {f"Smith-{n}": list(Side)[n % 3] for n in range(10)}, 0)
    before = path.read_bytes()
    result = run(folder, "--seed", 9, "--validation-fraction", 0.5)
    assert f"{path}: was there and is unchanged" in result.output
    assert path.read_bytes() == before
    assert ["patients", "4", "3", "3"] in [line.split() for line in result.output.splitlines()]


def test_a_dry_run_writes_nothing(folder: Path, tmp_path: Path) -> None:
    files = sorted(folder.rglob("*"))
    found = report(tmp_path, folder, "--dry-run")
    assert sorted(folder.rglob("*")) == files
    assert (found["state"], found["file"]) == ("drawn", str(folder / "splits.json"))
    assert counted(found, "patients") == [8, 2, 0]
    assert found["sides"] == report(tmp_path, folder)["sides"]


def test_folds_have_the_file_of_training(folder: Path, tmp_path: Path) -> None:
    found = report(tmp_path, folder, "--validation-fold", 8, "--test-fold", 9, "--test-fold", 0)
    path = folder / "splits-validation8-test0+9.json"
    assert found["file"] == str(path)
    assert Counter(read_split(path).values()) == {
        Side.TRAINING: 7, Side.VALIDATION: 1, Side.TEST: 2
    }  # fmt: skip
    refused = run(folder, "--validation-fold", 7, "--splits-file", path)
    assert refused.exit_code == 1
    assert "holds another split than these folds give" in refused.output.replace("\n", " ")


def test_reserved_patients_are_left_out_of_training(folder: Path, tmp_path: Path) -> None:
    public = write_folder(
        tmp_path / "c",
        [("3.0", "LIDC-IDRI-0002", ""), ("3.1", "PHANTOM-0", "")],
        [nodule("3.1", lidc="LIDC-IDRI-0003")],
    )
    found = report(tmp_path, folder, public, "--dry-run")
    assert counted(found, "patients")[2] == 2
    # the phantom's own patient is not reserved, whose nodule it shows is
    assert found["reserved_patients"] == {"training": 0, "validation": 0, "test": 2}
    sides = {f"Smith-{n}": Side.VALIDATION for n in range(10)}
    public_sides = {"LIDC-IDRI-0002": Side.TRAINING, "PHANTOM-0": Side.TRAINING}
    write_split(tmp_path / "s.json", {**sides, **public_sides}, 0)
    args = (folder, public, "--splits-file", tmp_path / "s.json")
    found = report(tmp_path, *args, status=1)
    assert found["leaks"] == [
        {"what": "2 patients of the training side are reserved for tests (patients.json)",
         "refused": True}
    ]  # fmt: skip
    assert counted(found, "patients") == [2, 10, 0]
    found = report(tmp_path, *args, "--reserved-patients", "report")
    assert [leak["refused"] for leak in found["leaks"]] == [False]


def test_a_patient_and_a_series_on_two_sides(folder: Path, tmp_path: Path) -> None:
    """Training refuses at the first; here all are named."""
    again = write_folder(tmp_path / "d", [("1.0", "Smith-0", ""), ("4.1", "Smith-1", "")], [])
    found = report(tmp_path, folder, "--validation-dir", again, status=1)
    assert [leak["what"] for leak in found["leaks"]] == [
        "2 patients are in training and validation", "1 series are in training and validation"
    ]  # fmt: skip
    assert (found["state"], found["file"]) == ("of folders", None)
    assert counted(found, "patients") == [10, 2, 0]
    assert not (folder / "splits.json").exists()
    with pytest.raises(ValueError, match="2 patients are in training and validation"):
        load_split([str(folder)], [str(again)])


@pytest.mark.parametrize(
    ("policy", "refused"), [("report", [False, False]), ("refuse", [True, True]), ("ignore", [])]
)
def test_what_phantoms_of_two_sides_share(tmp_path: Path, policy: str, refused: list[bool]) -> None:
    root = write_folder(
        tmp_path / "p",
        [("5.0", "PHANTOM-0", "QIN-LSC-0014"), ("5.1", "PHANTOM-1", "QIN-LSC-0014")],
        [nodule(f"5.{n}", lidc="LIDC-IDRI-0001") for n in range(2)],
    )
    status = 1 if policy == "refuse" else 0
    found = report(tmp_path, root, "--shared-shapes", policy, status=status)
    assert [leak["refused"] for leak in found["leaks"]] == refused
    if refused:
        assert [leak["what"] for leak in found["leaks"]] == [
            "1 LIDC-IDRI patients give nodule shapes in training and validation",
            "1 real scans are in training and validation",
        ]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--validation-fold", 1, "--test-fold", 1), "folds [1] are both validation and test"),
        (("--validation-fraction", 0.5, "--test-fraction", 0.5), "nothing to train on"),
        (("--validation-fold", 1, "--validation-dir", "x"), "not both"),
    ],
)
def test_wrong_usage(folder: Path, args: tuple, message: str) -> None:
    result = run(folder, *args)
    assert result.exit_code == 2
    assert message in result.output


def test_what_is_wrong_is_named(folder: Path, other: Path, tmp_path: Path) -> None:
    missing = run(tmp_path / "nowhere")
    assert missing.exit_code == 1
    assert "input-not-found" in missing.output
    run(folder)
    unknown = run(folder, other)
    assert unknown.exit_code == 1
    assert "1 patients of the data are not in this split" in unknown.output.replace("\n", " ")
    assert "Jones" not in unknown.output
    (tmp_path / "file").touch()
    blocked = run(other, "--splits-file", tmp_path / "file" / "s.json")
    assert blocked.exit_code == 1
    assert "output-not-writable" in blocked.output
