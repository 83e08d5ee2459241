"""The server, asked over loopback."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from heredity.dashboard.reading.sources import ExperimentSource
from heredity.dashboard.serving.server import DashboardServer
from heredity.errors import ConfigError

TOKEN = "a-token-of-many-signs"


@contextmanager
def serving(directory: Path, *, token: str | None = None) -> Iterator[DashboardServer]:
    source = ExperimentSource(directory, store="none")
    with DashboardServer(source, host="127.0.0.1", port=0, token=token) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(
    server: DashboardServer, path: str, *, method: str = "GET", **headers: str
) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    try:
        connection.request(method, path, headers={name.title(): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_the_page_and_its_facts_are_served(experiment: Path) -> None:
    with serving(experiment) as server:
        page, text = ask(server, "/")
        facts, data = ask(server, "/facts?since=0")
    assert (page.status, facts.status) == (200, 200)
    assert b"<title>Heredity</title>" in text
    assert "frame-ancestors 'none'" in str(page.getheader("Content-Security-Policy"))
    assert len(json.loads(data)["rows"]) == 4


def test_a_trial_and_the_storage_are_served(experiment: Path) -> None:
    with serving(experiment) as server:
        ask(server, "/facts")
        detail: Any = json.loads(ask(server, "/detail?name=heir")[1])
        storage: Any = json.loads(ask(server, "/storage")[1])
    assert detail["log"]["lines"][0] == "epoch 1"
    assert storage["problem"] == "none"


@pytest.mark.parametrize(
    "path",
    [
        "/journal.jsonl",
        "/../journal.jsonl",
        "/logs/heir@1.log",
        "/detail?name=../journal",
        "/detail",
        "//etc/passwd",
    ],
)
def test_no_file_can_be_named(experiment: Path, path: str) -> None:
    with serving(experiment) as server:
        ask(server, "/facts")
        answer, text = ask(server, path)
    assert answer.status == 404
    assert "problem" in json.loads(text)


def test_facts_are_packed_for_who_can_unpack_them(experiment: Path) -> None:
    with serving(experiment) as server:
        answer, data = ask(server, "/facts", **{"accept-encoding": "gzip"})
    assert answer.getheader("Content-Encoding") == "gzip"
    assert json.loads(gzip.decompress(data))["is_whole"]


def test_without_the_token_nothing_is_answered(experiment: Path) -> None:
    with serving(experiment, token=TOKEN) as server:
        for path in ("/", "/facts", "/detail?name=heir", "/storage", "/?token=wrong-token-of-signs"):
            answer, text = ask(server, path)
            assert answer.status == 403
            assert b"heir" not in text
        assert ask(server, "/facts", authorization=f"Bearer {TOKEN}x")[0].status == 403


def test_the_token_lets_in_by_header_and_by_cookie(experiment: Path) -> None:
    with serving(experiment, token=TOKEN) as server:
        assert ask(server, "/facts", authorization=f"Bearer {TOKEN}")[0].status == 200
        answer, _ = ask(server, f"/?token={TOKEN}")
        cookie = str(answer.getheader("Set-Cookie"))
        assert (answer.status, answer.getheader("Location")) == (303, "./")
        assert "HttpOnly; SameSite=Strict" in cookie
        assert ask(server, "/", cookie=cookie.partition(";")[0])[0].status == 200


def test_a_foreign_name_for_this_machine_is_refused(experiment: Path) -> None:
    with serving(experiment) as server:
        assert ask(server, "/facts", host="evil.example")[0].status == 403


def test_nothing_can_be_written(experiment: Path) -> None:
    with serving(experiment) as server:
        assert [ask(server, "/facts", method=method)[0].status for method in ("POST", "PUT", "DELETE")] == [
            501
        ] * 3


def test_a_port_that_is_taken_is_told(experiment: Path) -> None:
    with serving(experiment) as server, pytest.raises(ConfigError, match="cannot be listened on"):
        DashboardServer(server.source, host="127.0.0.1", port=server.server_address[1], token=None)


def test_a_journal_that_is_damaged_is_told_and_the_server_goes_on(experiment: Path) -> None:
    with serving(experiment) as server:
        ask(server, "/facts")
        with (experiment / "journal.jsonl").open("ab") as journal:
            journal.write(b"{}\n")
        server.source._looked_at = 0.0  # type: ignore[attr-defined]  # half a second is a long time for a test
        answer, text = ask(server, "/facts")
        assert answer.status == 500
        assert "journal.jsonl" in json.loads(text)["problem"]
        assert ask(server, "/")[0].status == 200
