"""Who may ask the server: everybody on this machine, or whoever has the token."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from heredity.errors import ConfigError

MIN_TOKEN_LENGTH = 16


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Access:
    """The rule for requests.

    Args:
        token: What a request must know; None lets everybody on this machine in.
        port: The server's, which tells its cookie from those of other servers on the same host.
    """

    token: str | None
    port: int

    @property
    def cookie_name(self) -> str:
        """Cookies are shared by all ports of a host."""
        return f"heredity_{self.port}"

    @property
    def cookie_value(self) -> str:
        """Proves that the token was known, and does not tell it."""
        return hashlib.sha256(f"heredity dashboard {self.token}".encode()).hexdigest()

    def knows(self, token: str) -> bool:
        """Whether this is the token; takes the same time however much of it is right."""
        return self.token is not None and hmac.compare_digest(token.encode(), self.token.encode())

    def allows(self, *, host: str, cookies: str, authorization: str) -> bool:
        """Whether a request with these headers may be answered."""
        if self.token is None:
            # A foreign page whose name was turned to this machine's address would send its own name.
            return is_loopback(_name_of(host))
        kind, _, given = authorization.partition(" ")
        return (kind.lower() == "bearer" and self.knows(given.strip())) or self._has_cookie(cookies)

    def _has_cookie(self, cookies: str) -> bool:
        try:
            morsel = SimpleCookie(cookies).get(self.cookie_name)
        except CookieError:
            return False
        return morsel is not None and hmac.compare_digest(morsel.value.encode(), self.cookie_value.encode())


def checked_token(token: str | None, *, host: str) -> str | None:
    """The token, if it is good enough for the address.

    Raises:
        ConfigError: Other machines could reach the server without a token, or the token could be guessed.
    """
    if token is None:
        if is_loopback(host):
            return None
        raise ConfigError(
            f"--host {host}: other machines could read the experiment.",
            hint=f"Set HEREDITY_DASHBOARD_TOKEN to {MIN_TOKEN_LENGTH} characters or more; "
            "or leave --host out, and come by ssh -L.",
        )
    if len(token) < MIN_TOKEN_LENGTH or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            f"The token: expected {MIN_TOKEN_LENGTH} or more letters, digits and signs without blanks.",
            hint="python -c 'import secrets; print(secrets.token_urlsafe())' makes one.",
        )
    return token


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
