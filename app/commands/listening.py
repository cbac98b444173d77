"""The socket of a command that answers requests."""

from __future__ import annotations

import ipaddress
import socket

from nodulus.app.errors import ErrorCode, NodulusError

LOOPBACK = "127.0.0.1"


def listen(port: int, host: str = LOOPBACK) -> socket.socket:
    """Listen on a port.

    Args:
        port: 0 for any free one.
        host: an address of this computer.

    Raises:
        NodulusError: ``settings-invalid``.
    """
    try:
        is_six = ipaddress.ip_address(host).version == 6
        listener = socket.socket(socket.AF_INET6 if is_six else socket.AF_INET, socket.SOCK_STREAM)
    except ValueError as error:
        raise NodulusError(
            ErrorCode.SETTINGS_INVALID,
            f"{host} is no IP address.",
            remedy="Name an address of this computer with --host.",
        ) from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise NodulusError(
            ErrorCode.SETTINGS_INVALID,
            f"Port {port} cannot be listened on ({error.strerror}).",
            remedy="Leave --port out, or name another.",
        ) from error
    return listener
