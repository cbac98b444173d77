"""Zip files of an input, unpacked for as long as the input is used."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from tempfile import gettempdir
from types import TracebackType

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.private_folder import private_folder
from nodulus.app.reading import limits
from nodulus.app.reading.message_words import count

_ENCRYPTED = 0x1
"""Bit 0 of a member's general purpose flag (APPNOTE 4.4.4)."""


def is_archive(path: Path, *, by_itself: bool = False) -> bool:
    """Whether a file is to be unpacked.

    Args:
        path: a regular file.
        by_itself: it was given by itself, so that its name need not end in ``.zip``.
    """
    if path.suffix.lower() == ".zip":
        return True
    return by_itself and zipfile.is_zipfile(path)


class Archives:
    """Unpacks zip files into one temporary folder, which only this user may read.

    A context manager: on leaving, the folder is removed with all that is in it.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._open = ExitStack()
        self._sources: list[Path] = []

    def __enter__(self) -> Archives:
        """Nothing is made before it is needed."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was unpacked."""
        self._open.close()

    def unpack(self, archive: Path) -> list[Path]:
        """Unpack one zip file; hidden members are left out.

        Args:
            archive: the file.

        Returns:
            The unpacked files, in the order of their names.

        Raises:
            NodulusError: ``archive-not-readable``, ``archive-refused`` or ``input-empty``; then
                nothing of it is left.
        """
        try:
            with zipfile.ZipFile(archive) as opened:
                members = [m for m in opened.infolist() if _is_wanted(m)]
                _check(archive, members)
                root = self._new_root(archive)
                try:
                    files = {_extract(opened, member, root, archive) for member in members}
                except BaseException:
                    shutil.rmtree(root, ignore_errors=True)
                    raise
        except NodulusError:
            raise
        except Exception as error:  # a damaged file breaks zipfile and its decoders in many ways
            raise _not_readable(archive, error) from error
        return sorted(files)

    def named(self, error: NodulusError) -> NodulusError:
        """Give an error about an unpacked file as one about the archive's member."""
        if self._folder is None or error.subject is None:
            return error
        try:
            inside = Path(error.subject).relative_to(self._folder)
            archive = self._sources[int(inside.parts[0])]
        except (ValueError, IndexError):
            return error
        subject = archive.joinpath(*inside.parts[1:])
        return NodulusError(error.code, error.message, remedy=error.remedy, subject=subject)

    def _new_root(self, archive: Path) -> Path:
        if self._folder is None:
            self._folder = self._open.enter_context(private_folder())
        root = self._folder / str(len(self._sources))
        root.mkdir()
        self._sources.append(archive)
        return root


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    parts = _parts(member)
    hidden = any(part.startswith(".") and part != ".." for part in parts) or "__MACOSX" in parts
    return not (member.is_dir() or hidden or not parts)


def _parts(member: zipfile.ZipInfo) -> tuple[str, ...]:
    return PurePosixPath(member.filename.replace("\\", "/")).parts


def _check(archive: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse what would fill the disk, leave the folder, or cannot be read anyway."""
    if not members:
        raise NodulusError(
            ErrorCode.INPUT_EMPTY,
            "The archive holds no files.",
            remedy="Give an archive with a CT series.",
            subject=archive,
        )
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise NodulusError(
            ErrorCode.ARCHIVE_NOT_READABLE,
            "The archive is encrypted.",
            remedy="Unpack it with its password and give the folder.",
            subject=archive,
        )
    size, packed = sum(m.file_size for m in members), archive.stat().st_size
    free = shutil.disk_usage(gettempdir()).free
    reasons = {
        "a member's name leads out of the archive": any(
            ".." in _parts(m) or _parts(m)[0] == "/" or _parts(m)[0][1:2] == ":" for m in members
        ),
        f"it holds {count(len(members), 'file')}; {limits.MAX_ARCHIVE_FILES:,} are read": (
            len(members) > limits.MAX_ARCHIVE_FILES
        ),
        f"it unpacks to {size:,} bytes; {limits.MAX_ARCHIVE_BYTES:,} are read": (
            size > limits.MAX_ARCHIVE_BYTES
        ),
        f"it unpacks to {size // max(1, packed):,} times its size; images do not": (
            size > limits.LARGE_ARCHIVE_BYTES and size > limits.MAX_ARCHIVE_RATIO * packed
        ),
        f"it unpacks to {size:,} bytes, and {free:,} are free for temporary files": size > free,
    }
    for reason, holds in reasons.items():
        if holds:
            raise NodulusError(
                ErrorCode.ARCHIVE_REFUSED,
                f"The archive is not unpacked: {reason}.",
                remedy="Unpack it yourself, where there is room and trust, and give the folder.",
                subject=archive,
            )


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, root: Path, archive: Path) -> Path:
    target = root.joinpath(*_parts(member))
    if target.exists():
        raise NodulusError(
            ErrorCode.ARCHIVE_REFUSED,
            "The archive is not unpacked: two of its files have the same name.",
            remedy="Unpack it yourself and give the folder.",
            subject=archive,
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    # A member never gives more than the size that it states, which the limits were held against.
    with opened.open(member) as source, target.open("xb") as file:
        shutil.copyfileobj(source, file)
    return target


def _not_readable(archive: Path, error: Exception) -> NodulusError:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return NodulusError(
        ErrorCode.ARCHIVE_NOT_READABLE,
        f"The archive cannot be unpacked ({reason}).",
        remedy="Copy it again from its source, or unpack it yourself and give the folder.",
        subject=archive,
    )
