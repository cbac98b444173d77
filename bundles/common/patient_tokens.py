"""Patients as tokens, so that a file can say who was learnt from without saying who that is.

A plain checksum of a patient ID hides nothing: a hospital has some ten million of them, and all
can be tried in seconds. So the token is an HMAC-SHA256 (RFC 2104) under a key of 32 random bytes
that is made once for a user, stays on the machine, and never travels with weights. Whoever gets
the weights cannot tell who is behind the tokens; the same user's next training run can tell
whether two tokens are one patient.

IDs that name no person stay as they are, so that anybody can compare them: patients of LIDC-IDRI
and of the other public, de-identified collections that are used here, phantoms, and the series
UIDs that stand in where a data set names no patients. So does a token.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

KEY_VARIABLE = "NODULUS_PATIENT_KEY"
_KEY_BYTES = 32
_PUBLIC = re.compile(
    r"LIDC-IDRI-\d{4}|QIN-LSC-\d{4}|LUNG1-\d{3}|C3[NL]-\d{5}|CMB-[A-Z]+-MSB-\d{5}|"
    r"MIDRC-RICORD-1[A-C](-\d{6}){2}|PHANTOM-[0-9a-f]+(-\d{5})?|[0-2](\.\d+){4,}|"
    r"patient-[0-9a-f]{24}"
)


def key_file() -> Path:
    """Where the key lies: as ``NODULUS_PATIENT_KEY`` says, else in the user's configuration."""
    named = os.environ.get(KEY_VARIABLE)
    if named:
        return Path(named)
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "nodulus" / "patients.key"


def load_key() -> bytes:
    """Read the key; make it, readable by its owner alone, where there is none.

    Raises:
        ValueError: the file is no key, or cannot be made; names it.
    """
    path = key_file()
    try:
        if not path.exists():
            _make_key(path)
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise ValueError(
            f"{path}: the key to patient tokens cannot be kept there ({error.strerror}); "
            f"set {KEY_VARIABLE} to a file that can be"
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: not a key to patient tokens") from error
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{path}: not a key to patient tokens")
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.touch(mode=0o600)
    try:
        beside.write_text(secrets.token_hex(_KEY_BYTES) + "\n", encoding="ascii")
        os.link(beside, path)
    except FileExistsError:  # another run was first: its key holds
        pass
    finally:
        beside.unlink()


def key_name(key: bytes) -> str:
    """A short name by which two records can tell that they were made under one key."""
    return hmac.new(key, b"name of this key", hashlib.sha256).hexdigest()[:12]


def names_no_person(patient_id: str) -> bool:
    """Whether an ID is of a public, de-identified collection, of a phantom, a UID or a token."""
    return _PUBLIC.fullmatch(patient_id) is not None


def token(patient_id: str, key: bytes) -> str:
    """The token of a patient, such as ``patient-4f1c...`` with 24 hexadecimal digits."""
    if names_no_person(patient_id):
        return patient_id
    return f"patient-{hmac.new(key, patient_id.encode(), hashlib.sha256).hexdigest()[:24]}"


def series_token(series_uid: str, patient_id: str, key: bytes) -> str:
    """The token of a series: its UID where the patient's ID names no person."""
    if names_no_person(patient_id):
        return series_uid
    return f"series-{hmac.new(key, series_uid.encode(), hashlib.sha256).hexdigest()[:24]}"
