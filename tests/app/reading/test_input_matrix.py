"""Every row of the table in docs/input.md."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from nodulus.app.chain import Models, analyse, load_models, load_settings
from nodulus.app.reading import Archives, find_studies
from nodulus.app.result import Finding
from nodulus.app.volume import CtVolume
from tests.app.same_findings import nearest
from tests.headers.outcome import write_all
from tests.input_matrix import VARIANTS, Source
from tests.input_matrix.outcome import difference_hu, is_sound, read
from tests.input_matrix.phantom import write_phantom
from tests.input_matrix.source import write
from tests.input_matrix.table import DOCS, Row, counts, read_table

ROWS = read_table()
HEAVY = frozenset({"slices-1500"})
NEEDS_HTJ2K = frozenset({"htj2k", "htj2k-lossy"})


@pytest.fixture(scope="module")
def chest(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A chest that the chain finds nodules in."""
    return write_phantom(tmp_path_factory.mktemp("chest"))


@pytest.fixture(scope="module")
def models() -> Models:
    return load_models(device="cpu")


def plain_volume(source: Source, folder: Path) -> CtVolume:
    write(source.copies(), folder)
    volume = read(folder, source.images[0].StudyInstanceUID).volume
    assert volume is not None
    assert volume.warnings == ()
    return volume


@pytest.fixture(scope="module")
def parts(
    chest: Source, tmp_path_factory: pytest.TempPathFactory
) -> dict[bool, tuple[Source, CtVolume]]:
    """What volumes are compared on, by whether the row is heavy: a part, which is quicker."""
    sources = {False: chest.part(slice(14, 52), 1), True: chest.part(slice(14, 52), 4)}
    return {
        heavy: (source, plain_volume(source, tmp_path_factory.mktemp("plain")))
        for heavy, source in sources.items()
    }


@pytest.fixture(scope="module")
def plain_findings(
    chest: Source, models: Models, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Finding, ...]:
    volume = plain_volume(chest, tmp_path_factory.mktemp("whole"))
    findings = analyse(volume, models, load_settings()).findings
    assert len(findings) == 2
    return findings


def test_every_variant_has_a_row_and_every_row_a_variant() -> None:
    assert sorted(row.name for row in ROWS) == sorted(VARIANTS)


def test_the_page_counts_its_rows() -> None:
    assert counts(ROWS) in DOCS.read_text(encoding="utf-8")


def skip_without_encoder(row: Row) -> None:
    if row.name in NEEDS_HTJ2K and importlib.util.find_spec("imagecodecs") is None:
        pytest.skip("needs imagecodecs to write HTJ2K (extra dev, Python 3.11 or later)")


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.kind != "same findings"], ids=lambda row: row.name
)
def test_volume_or_refusal(
    row: Row, parts: dict[bool, tuple[Source, CtVolume]], tmp_path: Path
) -> None:
    skip_without_encoder(row)
    source, plain = parts[row.name in HEAVY]
    VARIANTS[row.name](source, tmp_path)
    reading = read(tmp_path, source.images[0].StudyInstanceUID)
    assert reading.problems == row.problems
    assert reading.warnings == row.warnings
    if row.kind == "refused":
        assert reading.error is not None
        assert reading.error.code.value == row.code
        return
    assert reading.volume is not None, reading.error
    assert is_sound(reading.volume)
    worst_by_slice = difference_hu(plain, reading.volume).max(axis=(1, 2))
    assert int(np.sum(worst_by_slice > row.within_hu)) == row.slices
    assert np.isfinite(worst_by_slice).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.kind == "same findings"], ids=lambda row: row.name
)
def test_findings(
    row: Row,
    chest: Source,
    models: Models,
    plain_findings: tuple[Finding, ...],
    tmp_path: Path,
) -> None:
    skip_without_encoder(row)
    VARIANTS[row.name](chest, tmp_path)
    reading = read(tmp_path, chest.images[0].StudyInstanceUID)
    assert (reading.problems, reading.warnings) == (row.problems, row.warnings)
    assert reading.volume is not None, reading.error
    assert is_sound(reading.volume)
    findings = analyse(reading.volume, models, load_settings()).findings
    more, probability, diameter_mm = (2, 0.6, 6.0) if row.loose else (1, 0.1, 2.5)
    assert len(plain_findings) <= len(findings) <= len(plain_findings) + more
    for finding in plain_findings:
        same, distance_mm = nearest(findings, finding)
        assert distance_mm <= 2.0
        assert same.nodule_probability == pytest.approx(finding.nodule_probability, abs=probability)
        assert abs(same.longest_diameter_mm - finding.longest_diameter_mm) <= diameter_mm


@pytest.mark.slow
@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.kind != "refused" and row.name not in HEAVY],
    ids=lambda row: row.name,
)
def test_every_result(
    row: Row, chest: Source, parts: dict[bool, tuple[Source, CtVolume]], tmp_path: Path
) -> None:
    """SEG, SR, key images, PDF and report: written, read back and judged by dciodvfy."""
    skip_without_encoder(row)
    source = chest if row.kind == "same findings" else parts[False][0]
    (tmp_path / "in").mkdir()
    VARIANTS[row.name](source, tmp_path / "in")
    with Archives() as archives:
        studies = find_studies(tmp_path / "in", archives=archives).studies
        uid = source.images[0].StudyInstanceUID
        (study,) = (study for study in studies if study.key == uid)
        wrong = write_all(
            study.load(), tmp_path / "out", validate=shutil.which("dciodvfy") is not None
        )
    assert wrong is None
