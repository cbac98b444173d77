"""The examples in the docstrings of the public names, run."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import nodulus
from nodulus.app.reading import load_volume
from tests.app.reading.dicom_factory import write_series
from tests.app.synthetic_chest import make_volume

WITH_EXAMPLES = {
    "nodulus",
    "nodulus.Chain",
    "nodulus.load_volume",
    "nodulus.NodulusError",
    "nodulus.open_candidates",
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study in ``CT_FOLDER``."""
    volume, path = make_volume(), tmp_path_factory.mktemp("examples")
    first = volume.geometry.affine_lps[:3, 3]
    write_series(
        path / "CT_FOLDER", volume.hu, spacing_mm=(1.5, 1.5), step_mm=2.0, first_lps_mm=first
    )
    uid = load_volume(path / "CT_FOLDER").series_uid
    (path / "marks.csv").write_text(f"seriesuid,coordX,coordY,coordZ\n{uid},45,-60,0\n")
    return path


def examples() -> list[doctest.DocTest]:
    public = {f"nodulus.{name}": getattr(nodulus, name) for name in nodulus.__all__}
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = []
    for name, value in {"nodulus": nodulus, **public}.items():
        if name != "nodulus.__version__":
            found += finder.find(value, name, module=False)
    return [test for test in found if test.examples]


def test_the_public_names_have_examples() -> None:
    assert {test.name for test in examples()} >= WITH_EXAMPLES


@pytest.mark.parametrize("test", examples(), ids=lambda test: test.name)
def test_the_examples_do_what_they_say(
    test: doctest.DocTest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    outcome = doctest.DocTestRunner().run(test)
    assert outcome.failed == 0
    assert outcome.attempted == len(test.examples)
