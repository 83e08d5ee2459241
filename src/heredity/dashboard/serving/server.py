"""The server of the page: four addresses, all of them read-only, on the library's own HTTP server."""

from __future__ import annotations

import gzip
import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6, gethostname
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from heredity.dashboard.page.assembling import page_html, policy
from heredity.dashboard.reading.details import LOG_BYTES
from heredity.dashboard.serving.access import Access, checked_token
from heredity.encoding import Json
from heredity.errors import ConfigError, HeredityError

if TYPE_CHECKING:
    from heredity.dashboard.reading.sources import Source

MIN_GZIP_BYTES = 1_000
WAIT_SECONDS = 30
"""For a request that has begun; a connection that says nothing longer is closed."""


class DashboardServer(ThreadingHTTPServer):
    """Serves one source. `serve_forever` answers requests, each in a thread of its own."""

    daemon_threads = True

    def __init__(self, source: Source, *, host: str, port: int, token: str | None) -> None:
        """Listen.

        Args:
            source: What is shown.
            host: The address; one that other machines can reach needs a token.
            port: 0 for any free one.
            token: What a request must know.

        Raises:
            ConfigError: The address cannot be listened on, or needs a token.
        """
        self.token = checked_token(token, host=host)
        self.source = source
        if ":" in host:
            self.address_family = AF_INET6
        try:
            super().__init__((host.strip("[]"), port), _Handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"{host}:{port} cannot be listened on: {error}.", hint="Choose another --port."
            ) from error
        self.access = Access(self.token, self.server_address[1])

    @property
    def url(self) -> str:
        """Where the page is; with a token, the address that lets a browser in."""
        host, port = str(self.server_address[0]), self.server_address[1]
        if host in {"0.0.0.0", "::"}:  # noqa: S104  # every address: others know the machine by its name
            host = gethostname()
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{port}/" + (f"?token={self.token}" if self.token else "")

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that has gone away; tell all else, and go on."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as it was given


class _Handler(BaseHTTPRequestHandler):
    server: DashboardServer
    protocol_version = "HTTP/1.1"
    server_version = "heredity"
    sys_version = ""
    timeout = WAIT_SECONDS

    def do_GET(self) -> None:
        """Answer a request; what is not one of the four addresses is not found."""
        address = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        if self._has_been_let_in(address.path, query):
            return
        try:
            match address.path:
                case "/":
                    self._send_page()
                case "/facts":
                    since = query.get("since", "0")
                    cursor = int(since) if since.isdecimal() and len(since) < 18 else 0
                    self._send_json(self.server.source.facts(cursor, session=query.get("session", "")))
                case "/detail":
                    self._send_json(self.server.source.detail(query.get("name", ""), log_bytes=LOG_BYTES))
                case "/storage":
                    self._send_json(self.server.source.storage())
                case _:
                    self._send_json({"problem": "there is nothing here"}, status=HTTPStatus.NOT_FOUND)
        except (ConfigError, KeyError) as error:
            message = error.message if isinstance(error, HeredityError) else "there is none of this name"
            self._send_json({"problem": message}, status=HTTPStatus.NOT_FOUND)
        except HeredityError as error:
            self._send_json({"problem": error.message}, status=HTTPStatus.INTERNAL_SERVER_ERROR)

    def _has_been_let_in(self, path: str, query: dict[str, str]) -> bool:
        """Refuse who may not ask, and give a cookie to who brings the token in the address."""
        access = self.server.access
        if path == "/" and access.knows(query.get("token", "")):
            self.send_response(HTTPStatus.SEE_OTHER)
            cookie = f"{access.cookie_name}={access.cookie_value}; HttpOnly; SameSite=Strict; Path=/"
            self.send_header("Set-Cookie", cookie)
            self.send_header("Location", "./")  # the token stays in no address that is shown or kept
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return True
        headers = self.headers
        is_allowed = access.allows(
            host=headers.get("Host", ""),
            cookies=headers.get("Cookie", ""),
            authorization=headers.get("Authorization", ""),
        )
        if not is_allowed:
            self._send_json({"problem": "the token is missing or wrong"}, status=HTTPStatus.FORBIDDEN)
        return not is_allowed

    def _send_page(self) -> None:
        self._send(page_html("Heredity", embedded=None).encode(), "text/html; charset=utf-8", HTTPStatus.OK)

    def _send_json(self, value: Json, *, status: HTTPStatus = HTTPStatus.OK) -> None:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        self._send(text.encode("utf-8", errors="replace"), "application/json; charset=utf-8", status)

    def _send(self, body: bytes, kind: str, status: HTTPStatus) -> None:
        is_packed = len(body) >= MIN_GZIP_BYTES and "gzip" in self.headers.get("Accept-Encoding", "")
        if is_packed:
            body = gzip.compress(body, compresslevel=1)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if is_packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", f"{policy(is_live=True)}; frame-ancestors 'none'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Requests are not written down: their addresses may hold the token."""
