"""A client of a server of networks."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nodulus.app.chain.model_service.tensors import (
    BINARY,
    HEADER_LENGTH,
    Floats,
    Message,
    decode,
    encode,
)
from nodulus.app.errors import ErrorCode, NodulusError

if TYPE_CHECKING:
    import requests

TOKEN_VARIABLE = "NODULUS_MODEL_SERVICE_TOKEN"  # noqa: S105
"""Environment variable with a bearer token for the server."""
PAUSES_S = (1.0, 4.0, 16.0)
"""Between attempts: a server's process that has ended is started again meanwhile."""
_TIMEOUT_S = (10.0, 600.0)
"""To connect; and without a byte of the answer."""
_REMEDY = (
    "See to the server and the network, then give the same command again, with --retry-failed"
    " where there is one."
)


class ModelServiceClient:
    """Asks one server.

    Args:
        url: of the server, such as ``http://host:8000``.
        pauses_s: between attempts at what the server did not answer, or answered with an error of
            its own; None for `PAUSES_S`.

    Raises:
        NodulusError: ``package-missing``; ``model-invalid`` where it is no URL.
    """

    def __init__(self, url: str, pauses_s: Sequence[float] | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise NodulusError(
                ErrorCode.MODEL_INVALID,
                "The model service's address is no URL of HTTP.",
                remedy="Give one such as http://host:8000.",
            )
        self.url = url.rstrip("/")
        self._pauses_s = PAUSES_S if pauses_s is None else pauses_s
        self._session = _session()
        if token := os.environ.get(TOKEN_VARIABLE):
            self._session.headers["Authorization"] = f"Bearer {token}"

    def metadata(self, name: str, version: str) -> dict[str, Any] | None:
        """What the server says of a network; None where it has no such one.

        Args:
            name: of the bundle.
            version: see :func:`~nodulus.app.chain.model_service.identity.network_version`.

        Raises:
            NodulusError: ``model-service-not-reachable``, ``model-invalid``.
        """
        found = self._json(f"v2/models/{name}/versions/{version}")
        if found is not None and "parameters" not in found:
            # Triton tells parameters with its model configuration, an extension.
            config = self._json(f"v2/models/{name}/versions/{version}/config") or {}
            given = config.get("parameters", {})
            found["parameters"] = {k: v.get("string_value") for k, v in given.items()}
        return found

    def infer(self, name: str, version: str, inputs: Mapping[str, Floats]) -> Message:
        """Have a network compute.

        Args:
            name: of the bundle.
            version: of the network.
            inputs: float32, by name.

        Raises:
            NodulusError: ``model-service-not-reachable``; ``model-invalid`` where the server does
                not have the network, or not any more, or its answer does not hold.
        """
        body, length = encode(
            Message({"parameters": {"binary_data_output": True}}, inputs), "inputs"
        )
        headers = {"Content-Type": BINARY, HEADER_LENGTH: str(length)}
        answer = self._ask("POST", f"v2/models/{name}/versions/{version}/infer", body, headers)
        if answer.status_code != 200:
            raise self._refused(name, f"It answers with status {answer.status_code}.")
        given = answer.headers.get(HEADER_LENGTH)
        try:
            message = decode(answer.content, None if given is None else int(given), "outputs")
        except ValueError as error:
            raise self._refused(name, f"Its answer cannot be read: {error}.") from error
        if str(message.header.get("model_version", version)) != version:
            raise self._refused(name, "Its answer is of another version.")
        return message

    def unexpected(self, name: str, what: str) -> NodulusError:
        """The error of an answer that is not what the server said that it gives.

        Args:
            name: of the bundle.
            what: is missing, or is another.
        """
        return self._refused(name, f"Its answer has not the {what} that was expected.")

    def _json(self, path: str) -> dict[str, Any] | None:
        answer = self._ask("GET", path)
        if answer.status_code in (400, 404):  # Triton says 400 of what it does not have
            return None
        try:
            found = answer.json() if answer.status_code == 200 else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise NodulusError(
                ErrorCode.MODEL_SERVICE_NOT_REACHABLE,
                f"The model service answers with status {answer.status_code}, and not as the Open"
                " Inference Protocol says.",
                remedy="Check the address, and the token if the server wants one.",
                subject=self.url,
            )
        return found

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Any = None
    ) -> requests.Response:
        """Send a request, several times where the server is away."""
        import requests

        why = ""
        for pause_s in (*self._pauses_s, None):
            try:
                answer = self._session.request(
                    method, f"{self.url}/{path}", data=body, headers=headers, timeout=_TIMEOUT_S,
                    allow_redirects=False,
                )  # fmt: skip
                if answer.status_code < 500:
                    return answer
                why = f"status {answer.status_code}"
            except requests.ReadTimeout as error:  # it would only be asked for more
                raise self._away(f"nothing in {_TIMEOUT_S[1]:.0f} s") from error
            except requests.RequestException as error:
                why = type(error).__name__
            if pause_s is not None:
                time.sleep(pause_s)
        raise self._away(why)

    def _away(self, why: str) -> NodulusError:
        return NodulusError(
            ErrorCode.MODEL_SERVICE_NOT_REACHABLE,
            f"The model service does not answer ({why}).",
            remedy=_REMEDY,
            subject=self.url,
        )

    def _refused(self, name: str, why: str) -> NodulusError:
        return NodulusError(
            ErrorCode.MODEL_INVALID,
            f"The model service did not compute the network {name!r} of these weights. {why}",
            remedy="See that the server has the same models folder as this command, and its log.",
            subject=self.url,
        )


def _session() -> requests.Session:
    try:
        from nodulus.app.http_session import http_session
    except ModuleNotFoundError as error:
        raise NodulusError(
            ErrorCode.PACKAGE_MISSING,
            "A model service needs the package requests.",
            remedy="Install it with: pip install -c constraints.txt '.[model-service]'",
        ) from error
    return http_session()
