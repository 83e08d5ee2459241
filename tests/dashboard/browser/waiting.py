"""Waiting for the page: Playwright's own way evaluates texts in the page, which the page's policy forbids."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

WAIT_SECONDS = 60.0


def until(page: Page, expression: str) -> None:
    """Return when an expression of the page's script is true; asked from outside, as a debugger asks."""
    end = time.monotonic() + WAIT_SECONDS
    while not page.evaluate(f"Boolean({expression})"):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(50)
