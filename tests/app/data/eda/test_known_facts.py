"""Facts of scans that were measured before are read again where the scan is the same."""

import os
from dataclasses import replace

import numpy as np
import pytest

from nodulus.app.data.eda.known_facts import KnownFacts, study_key
from nodulus.app.data.eda.scan_facts import scan_facts
from nodulus.app.data.eda.scan_image import read_scan_image
from nodulus.bundles.common.data.studies import read_data_dir
from tests.bundles.fake_data import write_fake_data


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    return read_data_dir(write_fake_data(tmp_path_factory.mktemp("known") / "data", 2))


@pytest.fixture(scope="module")
def facts(studies):
    return [scan_facts(study, read_scan_image(study)) for study in studies]


def same(a, b):
    content = [{k: v for k, v in vars(f).items() if k != "projections"} for f in (a, b)]
    np.testing.assert_array_equal(a.projections, b.projections)
    return content[0] == content[1]


def test_what_was_kept_comes_back_as_it_was(studies, facts, tmp_path):
    path = tmp_path / "sub" / "facts.jsonl"
    for study, found in zip(studies, facts, strict=True):
        KnownFacts(path).add(study, found)
    known = KnownFacts(path)
    for study, found in zip(studies, facts, strict=True):
        assert same(known.get(study), found)


def test_a_line_that_was_cut_off_is_measured_again_and_harms_no_other(studies, facts, tmp_path):
    path = tmp_path / "facts.jsonl"
    KnownFacts(path).add(studies[0], facts[0])
    path.write_bytes(path.read_bytes()[:-40])
    known = KnownFacts(path)
    assert known.get(studies[0]) is None
    known.add(studies[1], facts[1])
    again = KnownFacts(path)
    assert again.get(studies[0]) is None
    assert same(again.get(studies[1]), facts[1])


def test_another_file_or_other_nodules_are_another_study(studies, facts, tmp_path):
    known = KnownFacts(tmp_path / "facts.jsonl")
    known.add(studies[0], facts[0])
    assert known.get(replace(studies[0], nodules=studies[0].nodules[:1])) is None
    raw = studies[0].image.with_suffix(".raw")
    before = study_key(studies[0])
    stat = raw.stat()
    os.utime(raw, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert study_key(studies[0]) != before
    assert known.get(studies[0]) is None
    assert study_key(replace(studies[0], image=tmp_path / "none.mhd")) is None


def test_studies_that_are_gone_are_forgotten(studies, facts, tmp_path):
    path = tmp_path / "facts.jsonl"
    known = KnownFacts(path)
    for study, found in zip(studies, facts, strict=True):
        known.add(study, found)
    known.keep_only(studies[1:])
    again = KnownFacts(path)
    assert again.get(studies[0]) is None
    assert same(again.get(studies[1]), facts[1])
