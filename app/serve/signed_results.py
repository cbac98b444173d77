"""What signed-off studies give, DICOM SR and SEG, is sent to where results are sent."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import sqlalchemy as sa
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from nodulus.app.errors import ErrorCode, NodulusError, not_writable
from nodulus.app.review.database import beside_readers
from nodulus.app.review.desk import DeskStudy, Reader
from nodulus.app.review.double_reading import View
from nodulus.app.review.tables import entries
from nodulus.app.serve.analysis import SIGNED
from nodulus.app.serve.desk import ServiceDesk
from nodulus.app.serve.service import Service
from nodulus.app.serve.tables import deliveries, source_positions

logger = logging.getLogger("nodulus")

_POSITION = "signed-off"
_EVERYBODY = Reader("nodulus serve", "adjudicator")
"""Who is shown what all readers share, and nothing before that."""
_LOOK_EVERY_S = 1.0
_FOR_A_WHILE = (ErrorCode.STORE_NOT_USABLE, ErrorCode.OUTPUT_NOT_WRITABLE)


class SignedResults:
    """Makes objects of signed-off studies and has them sent, once for each sign-off.

    The objects and how far the log of decisions was read are put down in one transaction. Their SOP
    Instance UIDs follow from the analysis and the number of entries: made again after a kill, they
    are the same.

    Args:
        desk: with the studies.
        service: sends.
        organization: of the readers.
    """

    def __init__(self, desk: ServiceDesk, service: Service, organization: str) -> None:
        self._desk = desk
        self._service = service
        self._organization = organization

    def run(self, stop: threading.Event) -> None:
        """Look for what was signed off until ``stop`` is set."""
        while not stop.is_set():
            try:
                is_busy = self.look()
            except NodulusError as error:  # the database or the disk, for a while
                logger.warning("%s", error)
                is_busy = False
            if not is_busy:
                stop.wait(_LOOK_EVERY_S)

    def look(self) -> bool:
        """Have the results of the next sign-off sent; whether there was one.

        Raises:
            NodulusError: ``store-not-usable``, ``output-not-writable``.
        """
        with self._service.database.write() as connection:
            # With an entry that is still being made one of a lower number could be passed over.
            beside_readers(connection, alone=True)
            position = _position(connection)
            is_next = (entries.c.kind == "sign-off") & (entries.c.id > position)
            query = (
                sa.select(entries.c.id, entries.c.analysis).where(is_next).order_by(entries.c.id)
            )
            row = connection.execute(query.limit(1)).first()
        if row is None:
            return False
        study, objects = self._objects(str(row.analysis))
        with self._service.database.write() as connection:
            if _position(connection) != position:  # another process was quicker
                return True
            connection.execute(
                sa.update(source_positions)
                .where(source_positions.c.name == _POSITION)
                .values(value=str(row.id))
            )
            if study is None:
                return True
            for destination in self._service.destinations(self._service.queue.study(study)):
                for path, uid in objects:
                    connection.execute(
                        sa.insert(deliveries).values(
                            study=study, destination=destination, path=path, sop_instance_uid=uid,
                            state="waiting", attempts=0, due=0.0, problem=None,
                        )
                    )  # fmt: skip
        return True

    def _objects(self, analysis: str) -> tuple[str | None, list[tuple[str, str]]]:
        """Make the objects of an analysis that is signed off still.

        Returns:
            The study's id in the queue, None where there is nothing to be sent; path below the
            folder of results and SOP Instance UID of each object.
        """
        self._desk.refresh()
        study = next((s for s in self._desk.studies() if s.analysis == analysis), None)
        if study is None:  # it was analysed again, or its results were removed
            return None, []
        view = self._desk.view(study, _EVERYBODY)
        queued = self._service.queue.study_of_result(study.source.folder.name)
        if queued is None or not view.is_final or view.state.signed_off is None:
            return None, []
        try:
            made = self._made(study, view)
        except NodulusError as error:
            if error.code in _FOR_A_WHILE:
                raise
            logger.warning("study %s: signed off, not sent: %s", queued, error)
            return None, []
        logger.info("study %s: signed off", queued)
        return queued, made

    def _made(self, study: DeskStudy, view: View) -> list[tuple[str, str]]:
        from nodulus.app.review.exports.signed_objects import (
            SignedStudy,
            encode_signed_seg,
            encode_signed_sr,
        )

        name = f"{study.analysis}/{view.reading}"
        images = self._desk.images(study)
        signed = SignedStudy(study.result, view.state, images, name, self._organization)
        encoded = {"sr": encode_signed_sr(signed)}
        try:
            encoded["seg"] = encode_signed_seg(signed)
        except NodulusError as error:  # nothing is left to be outlined
            logger.info("signed off without a segmentation: %s", error.code.value)
        folder = study.source.folder / SIGNED
        found = []
        for kind, content in encoded.items():
            path = folder / f"{view.state.version}_{kind}.dcm"
            _write(path, content)
            uid = dcmread(DicomBytesIO(content), stop_before_pixels=True).SOPInstanceUID
            found.append((str(path.relative_to(self._service.results)), str(uid)))
        return found


def _position(connection: sa.Connection) -> int:
    """The number of the last entry that was looked at; at the first start that of the last one."""
    row = source_positions.c.name == _POSITION
    query = sa.select(source_positions.c.value).where(row).with_for_update()
    kept = connection.scalar(query)
    if kept is not None:
        return int(kept)
    last = int(connection.scalar(sa.select(sa.func.max(entries.c.id))) or 0)
    connection.execute(sa.insert(source_positions).values(name=_POSITION, value=str(last)))
    return last


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise not_writable(path, error) from error
