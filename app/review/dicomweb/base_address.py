"""The address by which a program has reached this one."""

from __future__ import annotations

from fastapi import Request

from nodulus.app.review.server.access import LOOPBACK_NAMES


def base_address(request: Request) -> str:
    """Give scheme, host and port.

    Some programs leave the port out of the Host header; on this computer it is known.

    Args:
        request: that came by the address.
    """
    host = request.url.netloc
    server = request.scope.get("server")
    if host in LOOPBACK_NAMES and server is not None:
        host = f"{host}:{server[1]}"
    return f"{request.url.scheme}://{host}"
