"""Files that come in, by whatever way, are put beside the others of their study."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from nodulus.app.errors import ErrorCode, NodulusError, not_writable
from nodulus.app.private_folder import STAGING_PREFIX, private_folder
from nodulus.app.process import quiet_pydicom
from nodulus.app.reading.archive import Archives, is_archive
from nodulus.app.reading.dicom_file import looks_like_dicom
from nodulus.app.reading.files import list_files
from nodulus.app.reading.media_directory import MEDIA_DIRECTORY
from nodulus.app.reading.uids import is_uid
from nodulus.app.serve.queue import Queue
from nodulus.app.serve.queued_study import Source
from nodulus.bundles.common.atomic_files import sha256

IMAGES = "images"
"""In the service's folder: a folder for each study, named after its id."""
LOCK_FILE = ".arriving"
"""Held, shared, by each request with images, and alone by who moves images away."""


@dataclass(frozen=True)
class Identity:
    """What says where a DICOM file belongs.

    Args:
        study_uid: StudyInstanceUID; so are the others named as in the standard.
        sop_class_uid: see above.
        sop_instance_uid: see above.
    """

    study_uid: str
    sop_class_uid: str
    sop_instance_uid: str


def read_identity(path: Path) -> Identity | None:
    """Read where a file belongs; None where it is no DICOM image or does not say.

    Args:
        path: a regular file.
    """
    import pydicom

    quiet_pydicom()
    try:
        with path.open("rb") as file:
            head = file.read(132)
            if not looks_like_dicom(head):
                return None
            file.seek(0)
            header = pydicom.dcmread(
                file,
                stop_before_pixels=True,
                force=head[128:132] != b"DICM",
                specific_tags=["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID"],
            )
        if str(header.file_meta.get("MediaStorageSOPClassUID", "")) == MEDIA_DIRECTORY:
            return None
        uids = [
            str(header.get(name) or "")
            for name in ("StudyInstanceUID", "SOPClassUID", "SOPInstanceUID")
        ]
    except Exception:  # a damaged file breaks pydicom and zlib in many ways
        return None
    if not (is_uid(uids[0]) and is_uid(uids[2])):
        return None
    return Identity(*uids)


def study_id(study_uid: str) -> str:
    """Give the id of a study, which tells nothing of it."""
    return hashlib.sha256(f"study {study_uid}".encode()).hexdigest()[:32]


def instance_name(sop_instance_uid: str) -> str:
    """Give the name of an instance's file, which tells nothing of it."""
    return f"{hashlib.sha256(sop_instance_uid.encode()).hexdigest()[:32]}.dcm"


class Intake:
    """Puts what comes in into the service's folder, and into the queue.

    A file is put in place whole or not at all, and is there before the queue knows of it; one
    that is sent again changes nothing.

    Args:
        folder: of the service.
        queue: of the studies.
        quiet_s: seconds without a new image after which a study that comes image by image is
            complete.
    """

    def __init__(self, folder: Path, queue: Queue, quiet_s: float) -> None:
        self._folder = folder
        self._queue = queue
        self._quiet_s = quiet_s
        self._images = folder / IMAGES

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder of the same file system for what is not whole yet.

        Raises:
            NodulusError: ``output-not-writable``.
        """
        try:
            self._images.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked(fcntl.LOCK_SH), private_folder(self._folder, STAGING_PREFIX) as own:
                yield own
        except OSError as error:
            raise not_writable(self._folder, error) from error

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep what comes in waiting, to move images away; False where something is coming in.

        An image that was put in place must be known to the queue before its study's can go.

        Raises:
            NodulusError: ``output-not-writable``.
        """
        try:
            with self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
                yield True
        except BlockingIOError:
            yield False
        except OSError as error:
            raise not_writable(self._folder, error) from error

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with (self._folder / LOCK_FILE).open("a") as lock:
            fcntl.flock(lock, how)
            yield

    def folder(self, study: str) -> Path:
        """Where the files of a study are."""
        return self._images / study

    def take_instance(self, staged: Path, identity: Identity) -> str:
        """Put one file beside the others of its study; the queue is not told.

        Args:
            staged: in a folder of `staging`.
            identity: of the file.

        Returns:
            The study's id.
        """
        study = study_id(identity.study_uid)
        folder = self.folder(study)
        folder.mkdir(mode=0o700, exist_ok=True)
        with staged.open("rb") as file:
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # the first one stays, as in an archive
            os.link(staged, folder / instance_name(identity.sop_instance_uid))
        return study

    def received(
        self, study_uid: str, source: Source, *, complete: bool, origin: str | None = None
    ) -> str:
        """Tell the queue of images that were put in place.

        Args:
            study_uid: StudyInstanceUID.
            source: how they came.
            complete: whether no more are to come.
            origin: the study's name there.

        Returns:
            The study's id.
        """
        study = study_id(study_uid)
        quiet_s = 0.0 if complete else self._quiet_s
        count = sum(1 for _ in self.folder(study).iterdir())
        self._queue.receive(study, study_uid, source, count, quiet_s=quiet_s, origin=origin)
        return study

    def take_path(self, path: Path, source: Source, origin: str | None = None) -> tuple[str, ...]:
        """Take whole studies of a folder, a file or a zip file, which stay as they are.

        Args:
            path: what holds them.
            source: how they came.
            origin: their name there.

        Returns:
            The ids of the studies.

        Raises:
            NodulusError: it is too large, is broken, or holds no image.
        """
        with Archives() as archives, self.staging() as own:
            if path.is_file() and is_archive(path, by_itself=True):
                groups = [archives.unpack(path)]
            else:
                files = list_files(path).files
                packed = [f for f in files if is_archive(f)]
                groups = [[f for f in files if f not in packed], *map(archives.unpack, packed)]
            found: dict[str, None] = {}
            for group in groups:
                found.update(dict.fromkeys(self._take_files(group, own, source, origin)))
        if not found:
            raise NodulusError(
                ErrorCode.NO_IMAGES,
                "It holds no image.",
                remedy="Send the DICOM files of a chest CT, or a volume in a research format.",
            )
        return tuple(found)

    def _take_files(
        self, files: Sequence[Path], own: Path, source: Source, origin: str | None
    ) -> list[str]:
        """DICOM files by study; where there is none, all of them as one research study."""
        by_study: dict[str, list[tuple[Path, Identity]]] = defaultdict(list)
        for file in files:
            identity = read_identity(file)
            if identity is not None:
                by_study[identity.study_uid].append((file, identity))
        if not by_study:
            return self._take_research(files, own, source, origin)
        for study_uid, members in by_study.items():
            for file, identity in members:
                staged = own / "instance"
                shutil.copyfile(file, staged)
                self.take_instance(staged, identity)
                staged.unlink()
            self.received(study_uid, source, complete=True, origin=origin)
        return [study_id(uid) for uid in by_study]

    def _take_research(
        self, files: Sequence[Path], own: Path, source: Source, origin: str | None
    ) -> list[str]:
        """Files that belong together by their names, as volumes and their raw data do."""
        if not files:
            return []
        root = Path(os.path.commonpath([file.parent for file in files]))
        digest = hashlib.sha256()
        for file in sorted(files):
            digest.update(str(file.relative_to(root)).encode(errors="surrogateescape") + b"\0")
            digest.update(sha256(file).encode())
        study = digest.hexdigest()[:32]
        if not self.folder(study).is_dir():
            staged = own / study
            for file in files:
                target = staged / file.relative_to(root)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
            staged.rename(self.folder(study))
        self._queue.receive(study, None, source, len(files), origin=origin)
        return [study]
