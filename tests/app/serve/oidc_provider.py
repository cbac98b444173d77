"""A small OpenID Connect provider for the tests, which signs what it is told to."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Form, Header, HTTPException
from fastapi.responses import RedirectResponse
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT, SECRET = "nodulus", "s" * 40


@dataclass
class Provider:
    """What it knows and says.

    Args:
        issuer: its address.
        changes: claims that differ from those of a good token; None leaves one out.
        metadata: likewise, of its metadata.
        key: that it signs with.
        algorithm: likewise.
        secret: of the client; None for a public one.
        asked: parameters of the last request for a login.
    """

    issuer: str
    changes: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    key: RSAKey | OctKey = field(default_factory=lambda: RSAKey.generate_key(2048))
    algorithm: str = "RS256"
    secret: str | None = SECRET
    asked: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.published = self.key

    def token(self, nonce: str) -> str:
        """Sign an ID token."""
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "4711", "iat": now, "exp": now + 300,
            "nonce": nonce, "preferred_username": "Doe^Jane", "roles": ["reader"], **self.changes,
        }  # fmt: skip
        said = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": self.algorithm}, said, self.key, algorithms=[self.algorithm])

    def application(self) -> FastAPI:
        """Answer as a provider does."""
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def metadata() -> dict[str, Any]:
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                **self.metadata,
            }

        @app.get("/keys")
        def keys() -> dict[str, Any]:
            return KeySet([self.published]).as_dict(private=False)

        @app.get("/authorize")
        def authorize(
            state: str, nonce: str, redirect_uri: str, client_id: str, response_type: str,
            code_challenge: str, code_challenge_method: str, scope: str,
        ) -> RedirectResponse:  # fmt: skip
            self.asked = {
                "state": state, "nonce": nonce, "client_id": client_id, "scope": scope,
                "response_type": response_type, "challenge": code_challenge,
                "method": code_challenge_method, "redirect_uri": redirect_uri,
            }  # fmt: skip
            code = f"code-{len(self.codes)}"
            self.codes[code] = dict(self.asked)
            return RedirectResponse(f"{redirect_uri}?code={code}&state={state}", 303)

        @app.post("/token")
        def token(
            code: str = Form(), code_verifier: str = Form(), redirect_uri: str = Form(),
            authorization: str = Header(""), client_id: str = Form(""),
        ) -> dict[str, Any]:  # fmt: skip
            basic = base64.b64encode(f"{CLIENT}:{self.secret}".encode()).decode()
            is_ours = authorization == f"Basic {basic}"
            if self.secret is None:
                is_ours = (authorization, client_id) == ("", CLIENT)
            known = self.codes.pop(code, {"challenge": "", "redirect_uri": ""})
            digest = hashlib.sha256(code_verifier.encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            same = (known["challenge"], known["redirect_uri"]) == (challenge, redirect_uri)
            if not (same and is_ours):
                raise HTTPException(400, "invalid_grant")
            return {
                "access_token": "a", "token_type": "Bearer", "id_token": self.token(known["nonce"]),
            }  # fmt: skip

        return app
