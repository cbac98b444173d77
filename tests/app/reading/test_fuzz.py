"""Damaged DICOM input, 200 cases of the fuzzer (`python -m tests.fuzz` runs more)."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

from nodulus.app.chain import ChainSettings, Models
from nodulus.app.output import OutputFolder
from nodulus.app.reading import find_studies
from nodulus.app.results.options import OutputOptions
from nodulus.app.run import run_all
from tests.fuzz.bases import Files, make_bases
from tests.fuzz.cases import run_cases
from tests.fuzz.mutations import mutated

CASES = 200
SEED = 2026


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    return make_bases(tmp_path_factory.mktemp("bases"))


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and fork are Linux'")
def test_no_damaged_input_breaks_the_reader(bases: dict[str, Files]) -> None:
    verdicts = list(run_cases(bases, SEED, range(CASES)))
    failures = [f"{v.number} ({v.base}): {v.outcome}\n{v.detail}" for v in verdicts if v.is_failure]
    assert failures == []
    # Damage of every degree: what is read, what is mended, what is refused.
    assert {v.outcome for v in verdicts} == {"volume", "volume with warnings", "refused"}
    assert all(v.detail for v in verdicts if v.outcome == "refused")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and fork are Linux'")
def test_jpeg_2000_that_ends_gdcm_s_process_is_refused(bases: dict[str, Files]) -> None:
    (verdict,) = run_cases(bases, 1, range(2410, 2411))
    assert (verdict.base, verdict.outcome) == ("jpeg-2000", "refused")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and fork are Linux'")
@pytest.mark.parametrize("number", [1924, 2114])
def test_numbers_of_more_than_64_bits(bases: dict[str, Files], number: int) -> None:
    (verdict,) = run_cases(bases, 1, range(number, number + 1))
    assert not verdict.is_failure, verdict.detail


def test_the_same_seed_gives_the_same_damage(bases: dict[str, Files]) -> None:
    first, again = (mutated(random.Random("1-5"), bases["rle"]) for _ in range(2))
    assert first == again
    assert first != bases["rle"]


def test_a_study_that_is_refused_leaves_no_results(
    bases: dict[str, Files], tmp_path: Path, models: Models, chain_settings: ChainSettings
) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    # Whatever is read of it has no lungs, so that no damage may lead to results.
    for name, content in mutated(random.Random("2-1"), bases["explicit-little-endian"]).items():
        (source / name).write_bytes(content)
    outcomes = run_all(
        find_studies(source), OutputFolder(out), models, chain_settings, OutputOptions()
    )
    assert all(outcome.error is not None for outcome in outcomes)
    assert [path.name for path in out.iterdir()] == ["summary.json"]
    told = json.loads((out / "summary.json").read_text())
    assert all(study["error"]["code"] != "internal-error" for study in told["studies"])
