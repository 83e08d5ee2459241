"""Servers of the S3 protocol on loopback, each in a process of its own that goes with the tests."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from heredity.store.backends.objects import BucketClient, BucketLocation, ObjectBackend

START_SECONDS = 60
BUCKET = "weights"
_PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class S3Server:
    """A server that answers, with a bucket in it."""

    endpoint: str
    pid: int
    bucket: str = BUCKET

    @property
    def options(self) -> dict[str, str]:
        return {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key_id": "someone",
            "secret_access_key": "hush",
        }

    def new_url(self) -> str:
        """A prefix that nobody has used."""
        return f"s3://{self.bucket}/{secrets.token_hex(8)}"

    def backend(self, url: str | None = None) -> ObjectBackend:
        url = url or self.new_url()
        return ObjectBackend(BucketClient(BucketLocation.from_url(url), self.options), url=url)

    def request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """An unsigned request past the backend."""
        request = urllib.request.Request(
            f"{self.endpoint}{path}", data=body, headers={"Content-Type": "text/plain"}, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            content: bytes = response.read()
        return content


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def moto(log: Path) -> Iterator[S3Server]:
    port = free_port()
    yield from _running("moto_server", ["-H", "127.0.0.1", "-p", str(port)], {}, port=port, log=log)


def ministack(log: Path) -> Iterator[S3Server]:
    port = free_port()
    settings = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "s3",
        "SFTP_ENABLED": "0",
        # It would listen on all interfaces, whatever BIND_HOST says.
        "IOT_MTLS_ENABLED": "0",
    }
    yield from _running("ministack", [], settings, port=port, log=log)


def _running(
    program: str, arguments: Sequence[str], settings: Mapping[str, str], *, port: int, log: Path
) -> Iterator[S3Server]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [_PROGRAMS / program, *arguments],
            env={**os.environ, **settings},
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await_port(port, process=process, log=log)
        server = S3Server(endpoint=f"http://127.0.0.1:{port}", pid=process.pid)
        server.request("PUT", f"/{BUCKET}")
        yield server
    finally:
        with _already_gone():
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def _already_gone() -> Iterator[None]:
    try:
        yield
    except ProcessLookupError:
        return


def _await_port(port: int, *, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
            continue
        return
    raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")


def listening_addresses(pid: int) -> set[str]:
    """The addresses that a process takes connections at, as the kernel writes them."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            is_listening = fields[3] == "0A"
            if is_listening and f"socket:[{fields[9]}]" in sockets:
                found.add(fields[1].partition(":")[0])
    return found
