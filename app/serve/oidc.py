"""Signing in with an OpenID Connect provider: authorization code flow with PKCE.

OpenID Connect Core 1.0 (3.1), RFC 7636 (PKCE, S256), RFC 9207 (iss of the answer), RFC 9700. Who
has a login open is known by its state, which belongs to one browser and is good for one answer.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import requests

from nodulus.app.errors import ErrorCode, NodulusError
from nodulus.app.http_session import http_session
from nodulus.app.serve.accounts import PersonRole

LOGIN_S = 600.0
"""How long somebody may take at the provider."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384")
"""Asymmetric signatures alone: none is made with a secret, and none left out."""
_LEEWAY_S = 60
_MOST_OPEN = 1000
_TIMEOUT_S = (10.0, 30.0)
_SCOPE = "openid profile"
_ROLES: tuple[PersonRole, ...] = ("admin", "adjudicator", "reader")
"""Of several the first counts."""


class OidcError(Exception):
    """Somebody is not signed in; the text quotes nothing that the provider said of them."""


@dataclass(frozen=True)
class OidcSettings:
    """The provider, and what it knows us as.

    Args:
        issuer: its issuer identifier, an https URL; of this computer also http.
        client_id: ours.
        redirect_uri: where it sends the browser back to.
        client_secret: ours; None for a public client.
        name_claim: the claim that names the account.
        roles_claim: that has the roles, a text or a list; dots go into objects, as in
            ``realm_access.roles``.
        roles: our roles by the provider's.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str | None = field(default=None, repr=False)
    name_claim: str = "preferred_username"
    roles_claim: str = "roles"
    roles: Mapping[str, PersonRole] = field(default_factory=lambda: {role: role for role in _ROLES})

    def __post_init__(self) -> None:
        if not _is_protected(self.issuer):
            raise NodulusError(
                ErrorCode.SETTINGS_INVALID,
                "The OpenID Connect provider has no https address.",
                remedy="Give its issuer identifier, such as https://idp.example.org/realms/clinic.",
                subject=self.issuer,
            )


@dataclass(frozen=True)
class Person:
    """Who has signed in.

    Args:
        issuer: of the provider.
        subject: names the person there, for ever.
        name: of the account.
        role: of the account.
    """

    issuer: str
    subject: str
    name: str
    role: PersonRole


@dataclass(frozen=True)
class _Login:
    nonce: str
    verifier: str
    expires: float


class Oidc:
    """Logins with one provider.

    Args:
        settings: of the provider.
        clock: seconds since 1970.
    """

    def __init__(self, settings: OidcSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._open: OrderedDict[str, _Login] = OrderedDict()
        self._lock = Lock()

    def begin(self) -> tuple[str, str]:
        """Begin a login.

        Returns:
            Where the browser goes, and the state, which it must bring back in a cookie too.

        Raises:
            OidcError: the provider does not answer.
        """
        state, login = secrets.token_urlsafe(32), self._new_login()
        with self._client() as client:
            address, _ = client.create_authorization_url(
                _endpoint(self._metadata(), "authorization_endpoint"),
                state=state,
                nonce=login.nonce,
                code_verifier=login.verifier,
            )
        with self._lock:
            self._open[state] = login
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
        return str(address), state

    def finish(self, answer: Mapping[str, str], kept_state: str) -> Person:
        """Take the provider's answer.

        Args:
            answer: the query that the browser brings.
            kept_state: of its cookie.

        Returns:
            Who it is.

        Raises:
            OidcError: why nobody is signed in.
        """
        login = self._closed(answer.get("state", ""), kept_state)
        if answer.get("iss", self._settings.issuer) != self._settings.issuer:
            raise OidcError("the answer is of another issuer")
        if "code" not in answer:
            raise OidcError("the provider refused")
        metadata = self._metadata()
        token = self._token(_endpoint(metadata, "token_endpoint"), answer["code"], login)
        claims = self._claims(_endpoint(metadata, "jwks_uri"), token, login.nonce)
        return Person(
            self._settings.issuer, str(claims["sub"]), self._name(claims), self._role(claims)
        )

    def _new_login(self) -> _Login:
        from authlib.common.security import generate_token

        return _Login(secrets.token_urlsafe(32), generate_token(64), self._clock() + LOGIN_S)

    def _closed(self, state: str, kept: str) -> _Login:
        """The login of a state, which is then used up."""
        if not state or not hmac.compare_digest(state.encode(), kept.encode()):
            raise OidcError("the answer is not for this browser")
        with self._lock:
            login = self._open.pop(state, None)
        if login is None or login.expires < self._clock():
            raise OidcError("the login is used up or too old")
        return login

    def _client(self) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        settings = self._settings
        method = "none" if settings.client_secret is None else "client_secret_basic"
        client = OAuth2Session(
            settings.client_id,
            settings.client_secret,
            token_endpoint_auth_method=method,
            scope=_SCOPE,
            redirect_uri=settings.redirect_uri,
            code_challenge_method="S256",
        )
        client.trust_env = False
        return client

    def _token(self, address: str, code: str, login: _Login) -> str:
        """Exchange the code for the ID token."""
        from authlib.integrations.base_client import OAuthError

        try:
            with self._client() as client:
                token = client.fetch_token(
                    address,
                    code=code,
                    code_verifier=login.verifier,
                    grant_type="authorization_code",
                    timeout=_TIMEOUT_S,
                    allow_redirects=False,
                )
            return str(token["id_token"])
        except (OAuthError, requests.RequestException, KeyError, ValueError, TypeError) as error:
            raise OidcError("the provider gave no ID token for the code") from error

    def _claims(self, keys_address: str, token: str, nonce: str) -> dict[str, Any]:
        """Verify an ID token (OpenID Connect Core 3.1.3.7); give what it says."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        settings = self._settings
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self._clock()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.client_id},
            nonce={"essential": True, "value": nonce},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            found = self._get(keys_address)
            keys = KeySet.import_key_set({"keys": found["keys"]})
            claims = dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)
            registry.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise OidcError(f"the ID token does not hold ({type(error).__name__})") from error
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (several or "azp" in claims) and claims.get("azp") != settings.client_id:
            raise OidcError("the ID token was issued to another client")
        return claims

    def _name(self, claims: Mapping[str, Any]) -> str:
        name = claims.get(self._settings.name_claim)
        if not isinstance(name, str) or not name:
            raise OidcError(f"the ID token has no {self._settings.name_claim}")
        return name

    def _role(self, claims: Mapping[str, Any]) -> PersonRole:
        found: Any = claims
        for part in self._settings.roles_claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        listed = [found] if isinstance(found, str) else found
        given = set(map(str, listed)) if isinstance(listed, list) else set()
        ours = {self._settings.roles[name] for name in given & set(self._settings.roles)}
        role = next((role for role in _ROLES if role in ours), None)
        if role is None:
            raise OidcError("the ID token has no role of ours")
        return role

    def _metadata(self) -> dict[str, Any]:
        """What the provider says of itself (OpenID Connect Discovery 1.0)."""
        issuer = self._settings.issuer
        metadata = self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if metadata.get("issuer") != issuer:
            raise OidcError("the provider's metadata are of another issuer")
        return metadata

    def _get(self, address: str) -> dict[str, Any]:
        try:
            with http_session() as session:
                answer = session.get(address, timeout=_TIMEOUT_S, allow_redirects=False)
                answer.raise_for_status()
                return dict(answer.json())
        except (requests.RequestException, ValueError, TypeError) as error:
            raise OidcError(f"the provider does not answer ({type(error).__name__})") from error


def _endpoint(metadata: Mapping[str, Any], name: str) -> str:
    """An address of the provider, by its metadata."""
    address = str(metadata.get(name, ""))
    if not _is_protected(address):
        raise OidcError(f"the provider has no {name} by https")
    return address


def _is_protected(address: str) -> bool:
    """Whether it is reached by TLS, or does not leave this computer."""
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return True
    try:
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
