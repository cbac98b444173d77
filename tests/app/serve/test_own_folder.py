"""The service's folder and its secrets."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from nodulus.app.commands.service_folder import DATABASE_FILE, open_database, own_folder
from nodulus.app.errors import NodulusError
from nodulus.app.serve.secrets import TOKEN_FILE, kept_token, secret


def test_the_folder_is_its_owners(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    own_folder(data)
    open_database(data, None).close()
    token = kept_token(data)
    assert kept_token(data) == token, "the same at every start"
    assert len(token) >= 40
    modes = {
        name: stat.S_IMODE((data / name).stat().st_mode) for name in (TOKEN_FILE, DATABASE_FILE)
    }
    assert modes == {TOKEN_FILE: 0o600, DATABASE_FILE: 0o600}
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    (data / TOKEN_FILE).write_text("short\n")
    with pytest.raises(NodulusError, match="too short"):
        kept_token(data)


def test_secrets_come_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("from the file\nsecond line\n")
    monkeypatch.setenv("NODULUS_STOW_PASSWORD", "from the environment")
    assert secret("NODULUS_STOW_PASSWORD") == "from the environment"
    monkeypatch.setenv("NODULUS_STOW_PASSWORD_FILE", str(tmp_path / "password"))
    assert secret("NODULUS_STOW_PASSWORD") == "from the file"
    monkeypatch.setenv("NODULUS_STOW_PASSWORD_FILE", str(tmp_path / "none"))
    with pytest.raises(NodulusError, match="input-not-readable"):
        secret("NODULUS_STOW_PASSWORD")
