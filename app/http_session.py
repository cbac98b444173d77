"""HTTP sessions for servers that a user names."""

from __future__ import annotations

import requests


def http_session(user: str | None = None, password: str | None = None) -> requests.Session:
    """Give a session in which neither a proxy nor a .netrc of whoever starts it has a say.

    Args:
        user: where the server asks for one.
        password: of the user.
    """
    session = requests.Session()
    session.trust_env = False
    if user:
        session.auth = (user, password or "")
    return session
