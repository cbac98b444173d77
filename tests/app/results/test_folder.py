"""A result's folder is replaced as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.results.folder import FINDINGS_FILE, check_folder, replaced_folder


def fill(folder: Path, **files: str) -> None:
    with replaced_folder(folder) as staged:
        (staged.part / FINDINGS_FILE).write_text("{}")
        for name, text in files.items():
            (staged.part / name).write_text(text)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_second_run_replaces_and_never_mixes(tmp_path: Path) -> None:
    fill(tmp_path / "study", old="1")
    fill(tmp_path / "study", new="2")
    assert names(tmp_path / "study") == {FINDINGS_FILE, "new"}
    assert names(tmp_path) == {"study"}


def test_failure_leaves_the_old_folder_and_no_rest(tmp_path: Path) -> None:
    fill(tmp_path / "study", old="1")

    def fail_halfway() -> None:
        with replaced_folder(tmp_path / "study") as staged:
            (staged.part / "new").write_text("2")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        fail_halfway()
    assert names(tmp_path / "study") == {FINDINGS_FILE, "old"}
    assert names(tmp_path) == {"study"}


def test_failing_swap_puts_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "study", old="1")
    rename = Path.rename

    def refuse_part(self: Path, target: Path) -> Path:
        if self.name == "part":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_part)
    with pytest.raises(NodulusError, match="No space left"):
        fill(tmp_path / "study", new="2")
    assert names(tmp_path / "study") == {FINDINGS_FILE, "old"}
    assert names(tmp_path) == {"study"}


def test_foreign_folder_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_text("x")
    with pytest.raises(NodulusError, match="not a result of Nodulus") as caught:
        fill(tmp_path / "photos")
    assert caught.value.code is ErrorCode.OUTPUT_NOT_WRITABLE
    assert names(tmp_path / "photos") == {"holiday.jpg"}


def test_empty_folder_may_be_taken(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    fill(tmp_path / "study", new="2")
    assert names(tmp_path / "study") == {FINDINGS_FILE, "new"}


def test_output_below_a_file_names_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    folder = tmp_path / "file" / "study"
    for action in (check_folder, fill):
        with pytest.raises(NodulusError) as caught:
            action(folder)
        assert caught.value.code is ErrorCode.OUTPUT_NOT_WRITABLE
        assert caught.value.subject == str(folder)


def test_read_only_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(NodulusError, match="Read-only file system") as caught:
        check_folder(tmp_path / "study")
    assert caught.value.code is ErrorCode.OUTPUT_NOT_WRITABLE


def test_check_leaves_nothing(tmp_path: Path) -> None:
    check_folder(tmp_path / "study")
    assert names(tmp_path) == set()
