"""STOW-RS (PS3.18 10.5): instances come as parts of one request, written to disk as they come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from nodulus.app.serve.intake import Identity, Intake, read_identity
from nodulus.app.serve.multipart_files import MultipartFiles

_CANNOT_UNDERSTAND = 0xC000
_NOT_OF_STUDY = 0xA900
"""Failure Reasons (PS3.18 Table I.2-2; PS3.4 Table B.2-1)."""


@dataclass(frozen=True)
class Stored:
    """What became of the parts of a request.

    Args:
        taken: instances that are stored, new or not.
        refused: what is known of others, and the Failure Reason of each.
    """

    taken: tuple[Identity, ...]
    refused: tuple[tuple[Identity | None, int], ...]

    @property
    def status(self) -> int:
        """Of the answer (PS3.18 Table 10.5.3-1)."""
        if not self.refused:
            return 200
        return 202 if self.taken else 409

    def answer(self, base: str) -> dict[str, Any]:
        """The Store Instances Response (PS3.18 Annex I) as DICOM JSON.

        Args:
            base: of the server's DICOMweb addresses.
        """
        taken, refused = [], []
        for identity in self.taken:
            url = f"{base}/studies/{identity.study_uid}"
            taken.append({**_reference(identity), "00081190": {"vr": "UR", "Value": [url]}})
        for known, reason in self.refused:
            said = {} if known is None else _reference(known)
            refused.append({**said, "00081197": {"vr": "US", "Value": [reason]}})
        found: dict[str, Any] = {}
        if taken:
            found["00081199"] = {"vr": "SQ", "Value": taken}
        if refused:
            found["00081198"] = {"vr": "SQ", "Value": refused}
        return found


async def store_instances(
    content_type: str, body: AsyncIterator[bytes], intake: Intake, study_uid: str | None
) -> Stored:
    """Store the instances of a request.

    Args:
        content_type: of the request.
        body: of it.
        intake: takes them.
        study_uid: of the address; instances of other studies are refused.

    Raises:
        NodulusError: ``request-refused``: it is no such request, or has too many parts.
    """
    with intake.staging() as own:
        files = await _parts(content_type, body, own)
        return await run_in_threadpool(_take, files, intake, study_uid)


def _take(files: Sequence[Path], intake: Intake, study_uid: str | None) -> Stored:
    taken: list[Identity] = []
    refused: list[tuple[Identity | None, int]] = []
    for file in files:
        identity = read_identity(file)
        if identity is None:
            refused.append((identity, _CANNOT_UNDERSTAND))
        elif study_uid not in (None, identity.study_uid):
            refused.append((identity, _NOT_OF_STUDY))
        else:
            intake.take_instance(file, identity)
            taken.append(identity)
    for uid in dict.fromkeys(identity.study_uid for identity in taken):
        intake.received(uid, "stow", complete=False)
    return Stored(tuple(taken), tuple(refused))


async def _parts(content_type: str, body: AsyncIterator[bytes], own: Path) -> list[Path]:
    """Write each part to a file."""
    parts = MultipartFiles(content_type, own)
    try:
        async for chunk in body:
            await run_in_threadpool(parts.write, chunk)
        return parts.end()
    finally:
        parts.close()


def _reference(identity: Identity) -> dict[str, Any]:
    return {
        "00081150": {"vr": "UI", "Value": [identity.sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [identity.sop_instance_uid]},
    }
