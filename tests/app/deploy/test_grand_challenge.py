"""Files in the form of grand-challenge.org in, files of its form out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from click.testing import CliRunner, Result

from nodulus.app.commands.root import cli
from nodulus.app.deploy.grand_challenge import read_points
from nodulus.app.errors import NodulusError
from nodulus.app.volume import CtVolume
from tests.app.synthetic_chest import NODULES_LPS

BIG, SMALL = NODULES_LPS["big"], NODULES_LPS["small"]


pytestmark = pytest.mark.usefixtures("fake_models")


@pytest.fixture(scope="module")
def given(volume: CtVolume, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the platform mounts as /input for LUNA25."""
    folder = tmp_path_factory.mktemp("platform") / "input"
    (folder / "images" / "chest-ct").mkdir(parents=True)
    image = sitk.GetImageFromArray(volume.hu)
    image.SetSpacing(volume.geometry.spacing_irc_mm[::-1])
    image.SetOrigin(volume.geometry.affine_lps[:3, 3].tolist())
    sitk.WriteImage(image, str(folder / "images" / "chest-ct" / "a0b1.mha"))
    points = [{"name": "7_1_2000", "point": list(BIG)}, {"name": "7_2_2000", "point": list(SMALL)}]
    locations = {
        "name": "Points of interest", "type": "Multiple points", "points": points,
        "version": {"major": 1, "minor": 0},
    }  # fmt: skip
    (folder / "nodule-locations.json").write_text(json.dumps(locations))
    clinical = {"age": 61, "gender": "Female"}
    (folder / "clinical-information-lung-ct.json").write_text(json.dumps(clinical))
    return folder


def challenge(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["challenge", *map(str, arguments)])


def written(path: Path) -> list[dict[str, Any]]:
    content = json.loads(path.read_text())
    assert content["type"] == "Multiple points"
    assert content["version"] == {"major": 1, "minor": 0}
    return content["points"]


def test_luna25_gives_each_point_its_malignancy(tmp_path: Path, given: Path) -> None:
    done = challenge("luna25", "--input", given, "-o", tmp_path / "output")
    assert done.exit_code == 0, done.output
    points = written(tmp_path / "output" / "lung-nodule-malginancy-likelihoods.json")
    assert [p["name"] for p in points] == ["7_1_2000", "7_2_2000"]
    assert [tuple(p["point"]) for p in points] == [BIG, SMALL]
    assert 1 >= points[0]["probability"] > points[1]["probability"] >= 0


def test_detection_gives_places_with_probabilities(tmp_path: Path, given: Path) -> None:
    done = challenge("nodule-detection", "--input", given, "-o", tmp_path / "output")
    assert done.exit_code == 0, done.output
    points = written(tmp_path / "output" / "nodule-locations.json")
    for nodule in (BIG, SMALL):
        near = [p for p in points if np.linalg.norm(np.subtract(p["point"], nodule)) < 2]
        assert len(near) == 1
        assert near[0]["probability"] > 0.3


def test_a_point_outside_of_the_scan_is_refused(tmp_path: Path, given: Path) -> None:
    moved = tmp_path / "input"
    moved.mkdir()
    (moved / "images").symlink_to(given / "images")
    points = {"type": "Multiple points", "points": [{"name": "a", "point": [0, 0, 5000]}]}
    (moved / "nodule-locations.json").write_text(json.dumps(points))
    done = challenge("luna25", "--input", moved, "-o", tmp_path / "output")
    assert done.exit_code == 1
    assert "outside of the scan" in done.output
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be read as JSON"),
        ('{"type": "Multiple points"}', "not of the kind"),
        ('{"type": "Multiple points", "points": [{"point": [1, 2]}]}', "not of the kind"),
        ('{"type": "Multiple points", "points": [{"point": [1, 2, NaN]}]}', "not of the kind"),
        ("[1]", "not of the kind"),
    ],
)
def test_points_that_do_not_hold_are_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "nodule-locations.json").write_text(content)
    with pytest.raises(NodulusError, match=words):
        read_points(tmp_path / "nodule-locations.json")


def test_a_single_point_is_read(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"type": "Point", "name": "x", "point": [1, 2, 3]}')
    (point,) = read_points(tmp_path / "p.json")
    assert (point.name, point.point_lps_mm) == ("x", (1.0, 2.0, 3.0))


def test_missing_inputs_are_named(tmp_path: Path) -> None:
    done = challenge("luna25", "--input", tmp_path, "-o", tmp_path / "output")
    assert done.exit_code == 1
    assert "input-not-found" in done.output
    assert "no image" in done.output
