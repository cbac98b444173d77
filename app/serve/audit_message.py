"""Audit messages as DICOM PS3.15 A.5 (and so IHE ATNA) has them, each in one line of XML."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from nodulus.app.reading.uids import is_uid

if TYPE_CHECKING:
    from nodulus.app.serve.audit import AuditEntry

_EVENTS = {
    "login": ("E", "110114", "User Authentication", ("110122", "Login")),
    "login-failed": ("E", "110114", "User Authentication", ("110122", "Login")),
    "logout": ("E", "110114", "User Authentication", ("110123", "Logout")),
    "list-viewed": ("E", "110112", "Query", None),
    "study-viewed": ("R", "110103", "DICOM Instances Accessed", None),
    "study-changed": ("U", "110103", "DICOM Instances Accessed", None),
    "study-exported": ("R", "110106", "Export", None),
    "studies-received": ("C", "110107", "Import", None),
    "study-removed": ("D", "110105", "DICOM Study Deleted", None),
    "workitem-created": ("C", "110111", "Procedure Record", None),
    "workitem-viewed": ("R", "110111", "Procedure Record", None),
    "workitem-changed": ("U", "110111", "Procedure Record", None),
    "workitem-removed": ("D", "110111", "Procedure Record", None),
    "refused": ("E", "110113", "Security Alert", ("110126", "Node Authentication")),
}
"""Action, and the codes of the event and of its type (PS3.16 CID 400, 401 and 402)."""
_SUCCESS, _MINOR_FAILURE = "0", "4"


def audit_message(entry: AuditEntry) -> str:
    """Give the message of an entry.

    Args:
        entry: of the log.
    """
    action, code, name, kind = _EVENTS[entry.event]
    root = ET.Element("AuditMessage")
    event = ET.SubElement(
        root,
        "EventIdentification",
        EventActionCode=action,
        EventDateTime=entry.at,
        EventOutcomeIndicator=_SUCCESS if entry.success else _MINOR_FAILURE,
    )
    _code(event, "EventID", code, name)
    if kind is not None:
        _code(event, "EventTypeCode", *kind)
    ET.SubElement(
        root,
        "ActiveParticipant",
        UserID=entry.who,
        UserIsRequestor="true",
        NetworkAccessPointID=entry.address,
        NetworkAccessPointTypeCode="2",
    )
    ET.SubElement(
        root, "AuditSourceIdentification", AuditSourceID=f"nodulus@{socket.gethostname()}"
    )
    if entry.study is not None:
        study = ET.SubElement(
            root,
            "ParticipantObjectIdentification",
            ParticipantObjectID=entry.study,
            ParticipantObjectTypeCode="2",
            ParticipantObjectTypeCodeRole="3",
        )
        if is_uid(entry.study):
            _code(study, "ParticipantObjectIDTypeCode", "110180", "Study Instance UID")
        else:
            _code(study, "ParticipantObjectIDTypeCode", "12", "URI", "RFC-3881")
    return ET.tostring(root, encoding="unicode")


def _code(parent: ET.Element, name: str, code: str, meaning: str, system: str = "DCM") -> None:
    ET.SubElement(
        parent,
        name,
        {
            "csd-code": code,
            "codeSystemName": system,
            "displayName": meaning,
            "originalText": meaning,
        },
    )
