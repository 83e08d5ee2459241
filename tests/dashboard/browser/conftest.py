"""A browser for the tests of the page: Playwright, from `make test-dashboard`, and Debian's Chromium."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from heredity.dashboard.reading.sources import ExperimentSource, Source
from heredity.dashboard.serving.server import DashboardServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = "/usr/bin/chromium"
WAIT_MS = 60_000
"""Other tests run beside these: a second may be a long one."""

# Elsewhere these tests are not collected, and not skipped.
collect_ignore = [] if find_spec("playwright") else ["test_live.py", "test_report_page.py"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may go wrong: errors of its script and refusals of its policy fail the test."""
    page = browser.new_page(viewport={"width": 1300, "height": 800})
    page.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    assert not page.evaluate("Boolean(window.harmed)")
    page.close()
    assert not errors


@pytest.fixture
def serve() -> Iterator[Callable[[Source], DashboardServer]]:
    """Serve a source until the test is over."""
    running: list[tuple[DashboardServer, threading.Thread]] = []

    def start(source: Source) -> DashboardServer:
        server = DashboardServer(source, host="127.0.0.1", port=0, token="a-token-of-many-signs")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def live(experiment: Path, serve: Callable[[Source], DashboardServer], page: Page) -> Page:
    """The family's page, opened with its token."""
    page.goto(serve(ExperimentSource(experiment, store="it is gone")).url)
    page.wait_for_selector("body[data-ready=yes]")
    return page
