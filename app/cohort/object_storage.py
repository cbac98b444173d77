"""Folders and files of object storage, such as S3, listed and fetched by fsspec."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from nodulus.app.cohort.packages import fsspec
from nodulus.app.errors import ErrorCode, NodulusError


def is_storage(source: str) -> bool:
    """Tell a URL of object storage from paths and DICOMweb servers."""
    scheme, mark, _ = source.partition("://")
    return bool(mark) and scheme.lower() not in {"http", "https"}


@dataclass(frozen=True)
class StoredFiles:
    """A file, or all files below a folder, of object storage; can be pickled.

    Args:
        url: such as ``s3://bucket/scans/17``.
    """

    url: str

    def fetch(self, folder: Path, *, objects: bool = False) -> int:
        """Write the files into a folder, with the names and folders that they have there.

        Args:
            folder: that only this user may enter.
            objects: all files are fetched, also without.

        Returns:
            How many there were.

        Raises:
            NodulusError: ``source-not-reachable``, or ``package-missing``.
        """
        with _errors_of(self.url):
            storage, root = fsspec().core.url_to_fs(self.url)
            names = [root] if storage.isfile(root) else sorted(storage.find(root))
            for name in names:
                inside = PurePosixPath(name).relative_to(PurePosixPath(root).parent)
                if ".." in inside.parts:
                    raise _unsafe(self.url)
                target = folder.joinpath(*inside.parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                storage.get_file(name, str(target))
        if not names:
            raise NodulusError(
                ErrorCode.SOURCE_NOT_REACHABLE,
                "There is no file below it.",
                remedy="Check the URL.",
                subject=self.url,
            )
        return len(names)


def list_storage(url: str) -> Iterator[StoredFiles]:
    """Give what is analysed one by one: each folder and each zip file that lies in a place.

    A place that holds other files as well is one item, with all that lies below it.

    Args:
        url: of a file or folder.

    Raises:
        NodulusError: ``source-not-reachable``, or ``package-missing``.
    """
    with _errors_of(url):
        storage, root = fsspec().core.url_to_fs(url)
        if storage.isfile(root):
            yield StoredFiles(url)
            return
        found: list[dict[str, Any]] = storage.ls(root, detail=True)
        names = sorted(one["name"] for one in found if one["name"].rstrip("/") != root.rstrip("/"))
        kinds = {one["name"]: one["type"] for one in found}
        if all(kinds[n] == "directory" or n.lower().endswith(".zip") for n in names):
            inside = (name.rstrip("/").rpartition("/")[2] for name in names)
            yield from (StoredFiles(f"{url.rstrip('/')}/{name}") for name in inside)
        else:
            yield StoredFiles(url)


@contextmanager
def _errors_of(url: str) -> Iterator[None]:
    """Say what is wrong with storage as an error that a user can act on."""
    try:
        yield
    except NodulusError:
        raise
    except ImportError as error:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING,
            f"The package for this kind of storage is not installed ({error}).",
            remedy="Install it: s3fs for s3://, gcsfs for gs://, adlfs for az://.",
            subject=url,
        ) from error
    # Each kind of storage has exceptions of its own.
    except Exception as error:
        raise NodulusError(
            ErrorCode.SOURCE_NOT_REACHABLE,
            f"The storage does not give it ({type(error).__name__}).",
            remedy="Check the URL, the credentials and the network.",
            subject=url,
        ) from error


def _unsafe(url: str) -> NodulusError:
    return NodulusError(
        ErrorCode.INPUT_NOT_READABLE,
        "A name in it leads out of it (..).",
        remedy="Rename the object.",
        subject=url,
    )
