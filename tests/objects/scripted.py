"""An HTTP server that gives the answers it is told to, whatever it is asked."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """A status, and the error code that S3, GCS and Azure write into the body. Status 0 hangs up."""

    status: int
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass
class Scripted:
    """The server's address, and what it was asked."""

    endpoint: str
    asked: list[str]


@contextmanager
def scripted(answers: Iterable[Answer]) -> Iterator[Scripted]:
    left = deque(answers)
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            asked.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = left.popleft()
            if not answer.status:
                self.close_connection = True
                return
            body = answer.body.encode()
            if answer.code and self.command != "HEAD":
                body = f"<Error><Code>{answer.code}</Code><Message>As told.</Message></Error>".encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = answer  # noqa: N815  # as the library wants it

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Scripted(f"http://127.0.0.1:{server.server_port}", asked)
        finally:
            server.shutdown()
            thread.join()
