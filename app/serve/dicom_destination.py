"""Results sent by C-STORE (DICOM PS3.4 annex B) to a Storage SCP, such as a PACS."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.serve.sender import DeliveryError

OUR_AE_TITLE = "NODULUS"
_CONNECT_S, _ANSWER_S = 10.0, 50.0
_ADDRESS = re.compile(
    r"(?P<ae>[^@]+)@(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^:@\[\]]+)):(?P<port>[0-9]{1,5})"
)
_LONGEST_AE_TITLE = 16
_HIGHEST_PORT = 65535
_SUCCESS, _DUPLICATE = 0x0000, 0x0111
_WARNINGS = (0xB000, 0xB006, 0xB007)
"""It was stored, but some of its attributes were changed or doubted (PS3.4 table B.2-1)."""


@dataclass(frozen=True)
class DicomAddress:
    """Where an application entity is.

    Args:
        ae_title: of it.
        host: name or IP address.
        port: of TCP.
    """

    ae_title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> DicomAddress:
        """Read ``AE@HOST:PORT``; an IPv6 address is in brackets.

        Raises:
            ValueError: it is none.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not AE@HOST:PORT")
        ae_title, port = check_ae_title(found["ae"]), int(found["port"])
        if not 0 < port <= _HIGHEST_PORT:
            raise ValueError(f"{port} is no port")
        return cls(ae_title, found["v6"] or found["host"], port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


def check_ae_title(text: str) -> str:
    """Give an application entity title without the spaces around it (VR AE, PS3.5 6.2).

    Raises:
        ValueError: it is none.
    """
    title = text.strip(" ")
    is_plain = title.isascii() and title.isprintable() and "\\" not in title
    if not (title and is_plain and len(title) <= _LONGEST_AE_TITLE):
        raise ValueError(f"{text!r} is no AE title: 1 to 16 characters of ASCII, no backslash")
    return title


def store_tls(
    ca: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """Make what a secure connection needs: TLS 1.2 or later (PS3.15 B.12), the peer verified.

    Args:
        ca: certificates (PEM) of who signs the peers'; None for those of this computer.
        certificate: our own (PEM), where peers ask for one.
        key: its key (PEM), if that is another file.

    Raises:
        NodulusError: ``settings-invalid``.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise NodulusError(
            ErrorCode.SETTINGS_INVALID,
            f"The certificates for --store-tls cannot be used ({error}).",
            remedy="Give PEM files: --store-ca, and --store-cert with its --store-key.",
            subject=ca or certificate,
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class DicomDestination:
    """A Storage SCP; each object is sent in an association of its own.

    Args:
        address: of it.
        calling: the AE title that we give.
        tls: for a secure connection; None for a plain one.
    """

    def __init__(
        self,
        address: DicomAddress,
        calling: str = OUR_AE_TITLE,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._address = address
        self._calling = calling
        self._tls = tls

    def send(self, path: Path) -> None:
        """See `Destination.send`; a duplicate instance (0x0111) and a warning count as sent."""
        from pydicom import dcmread
        from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
        from pynetdicom import build_context

        dataset = dcmread(path)
        meta = dataset.file_meta
        # Each in a context of its own: the peer accepts what it can, and the object's own is taken.
        syntaxes = dict.fromkeys(
            (meta.TransferSyntaxUID, ExplicitVRLittleEndian, ImplicitVRLittleEndian)
        )
        association = self._associate(
            [build_context(meta.MediaStorageSOPClassUID, syntax) for syntax in syntaxes]
        )
        try:
            answer = association.send_c_store(dataset)
        except ValueError as error:  # no context that the object's encoding could be sent in
            raise DeliveryError("it does not take objects of this kind") from error
        finally:
            association.release()
        status = answer.get("Status")
        if status is None:
            raise DeliveryError("no answer to C-STORE")
        if status not in (_SUCCESS, _DUPLICATE, *_WARNINGS):
            raise DeliveryError(f"C-STORE status {status:#06x}")

    def _associate(self, contexts: list[Any]) -> Any:
        """Ask for an association.

        Raises:
            DeliveryError: there is none.
        """
        from pynetdicom import AE, evt

        def bound(event: evt.Event) -> None:  # pynetdicom waits for the rest of a PDU for ever
            connection: Any = event.assoc.dul.socket
            connection.socket.settimeout(_ANSWER_S)

        entity = AE(self._calling)
        entity.connection_timeout = _CONNECT_S
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _ANSWER_S
        address = self._address
        association = entity.associate(
            address.host,
            address.port,
            contexts,
            address.ae_title,
            tls_args=None if self._tls is None else (self._tls, address.host),
            evt_handlers=[(evt.EVT_CONN_OPEN, bound)],
        )
        if association.is_established:
            return association
        if association.dul.socket is not None:  # of a peer that talks no DICOM it stays open
            association.dul.socket.close()
        if association.rejected_contexts:
            raise DeliveryError("it does not take objects of this kind")
        if association.is_rejected:
            raise DeliveryError("the association was rejected; check both AE titles")
        raise DeliveryError("no association" + ("" if self._tls is None else " by TLS"))
