"""Tokens of patients tell nobody's name without the key."""

from __future__ import annotations

import stat

import pytest

from nodulus.bundles.common.patient_tokens import (
    key_file,
    key_name,
    load_key,
    names_no_person,
    series_token,
    token,
)


@pytest.fixture
def own_key(tmp_path, monkeypatch):
    path = tmp_path / "below" / "patients.key"
    monkeypatch.setenv("NODULUS_PATIENT_KEY", str(path))
    return path


def test_the_key_is_made_once_for_its_owner_alone(own_key):
    first = load_key()
    assert len(first) == 32
    assert load_key() == first
    assert stat.S_IMODE(own_key.stat().st_mode) == 0o600
    assert [p.name for p in own_key.parent.iterdir()] == [own_key.name]


def test_the_key_lies_in_the_users_configuration(tmp_path, monkeypatch):
    monkeypatch.delenv("NODULUS_PATIENT_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert key_file() == tmp_path / "nodulus" / "patients.key"


@pytest.mark.parametrize("text", ["", "zz", "ab12"])
def test_a_broken_key_is_named(own_key, text):
    own_key.parent.mkdir()
    own_key.write_text(text)
    with pytest.raises(ValueError, match=r"patients.key: not a key"):
        load_key()


def test_a_key_that_cannot_be_kept_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NODULUS_PATIENT_KEY", str(tmp_path / "file" / "patients.key"))
    with pytest.raises(ValueError, match="set NODULUS_PATIENT_KEY"):
        load_key()


def test_a_token_depends_on_patient_and_key_and_hides_the_patient():
    one, other = bytes(32), bytes([1]) * 32
    assert token("Meier^Anna", one) == token("Meier^Anna", one)
    assert len({token(p, k) for p in ("12345", "12346") for k in (one, other)}) == 4
    assert "12345" not in token("12345", one)
    assert key_name(one) != key_name(other)


PUBLIC = ["LIDC-IDRI-0332", "PHANTOM-2000-00001", "PHANTOM-2674e018", "2.25.1.2.3.4"]


@pytest.mark.parametrize("name", PUBLIC)
def test_what_names_no_person_stays(name):
    assert names_no_person(name)
    assert token(name, bytes(32)) == name
    assert series_token("1.2.3", name, bytes(32)) == "1.2.3"


@pytest.mark.parametrize("name", ["", "LIDC-IDRI-03321", "PHANTOM-x", "1.2.3", "Meier", "0012345"])
def test_everything_else_may_be_a_person(name):
    assert not names_no_person(name)
    assert token(name, bytes(32)) != name
    assert series_token("1.2.3", name, bytes(32)) != "1.2.3"


def test_a_token_of_a_token_is_itself():
    first = token("12345", bytes(32))
    assert token(first, bytes([7]) * 32) == first
