"""The page in a browser, while the experiment runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.dashboard.browser.waiting import until

from heredity.dashboard.reading.sources import ExperimentSource, Source
from heredity.testing.histories import History

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from heredity.dashboard.serving.server import DashboardServer

pytestmark = pytest.mark.dashboard


def _click_trial(page: Page, trial: str) -> None:
    """Click a trial's mark in the lineage, where it is drawn."""
    x, y = page.evaluate("(id) => lineage.pixels[model.order.get(id)]", trial)
    page.locator("#view-lineage canvas").click(position={"x": x, "y": y})


def test_from_the_lineage_to_a_trial_to_its_log(live: Page) -> None:
    _click_trial(live, "heir")
    live.wait_for_selector("#detail details[data-name=log]")
    assert live.inner_text("#detail h2") == "heir"
    assert "exact 50 %" in live.inner_text("#detail")
    assert live.inner_text("#detail [data-name=log] pre").splitlines()[0] == "epoch 1"
    assert live.evaluate("location.hash") == "#lineage/heir"


def test_what_others_wrote_is_shown_as_text(live: Page) -> None:
    _click_trial(live, "failed")
    live.wait_for_selector("#detail details[data-name=error]")
    assert "<img src=x onerror" in live.inner_text("#detail [data-name=error] pre")
    assert live.locator("img").count() == 0


def test_a_store_that_is_still_being_read_is_not_called_empty(live: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    live.route("**/storage*", hold, times=1)
    live.evaluate("views.storage.facts = null")
    with live.expect_request("**/storage*"):
        live.click("#tab-storage")
    assert live.inner_text("#view-storage") == "The store is being read …"
    held[0].continue_()
    until(live, "!views.storage.element.innerText.includes('being read')")
    assert live.inner_text("#view-storage") == "it is gone"  # as the fixture's store says


def test_the_address_shows_no_token(live: Page) -> None:
    assert "token" not in live.url


def test_a_trial_s_relatives_are_a_click_away(live: Page) -> None:
    _click_trial(live, "heir")
    live.click("#detail .links button:has-text('father')")
    assert live.inner_text("#detail h2") == "father"


def test_arrow_keys_go_along_the_lineage(live: Page) -> None:
    live.focus("#view-lineage canvas")
    visited = []
    for key in ("b", "ArrowLeft", "ArrowRight", "ArrowDown", "Escape"):
        live.keyboard.press(key)
        visited.append(live.evaluate("model.selected"))
    assert visited == ["heir", "father", "heir", "failed", "failed"]
    assert live.locator("#detail").is_hidden()


def test_all_views_are_reached_by_their_numbers(live: Page) -> None:
    titles = []
    for number in range(1, 6):
        live.keyboard.press(str(number))
        titles.append(live.inner_text("[role=tab][aria-selected=true]"))
    assert titles == ["Lineage", "Curves", "Cost", "Storage", "Trials"]


def test_the_table_is_filtered_and_walked_by_keys(live: Page) -> None:
    live.keyboard.press("f")
    live.keyboard.type("running")
    until(live, "document.querySelectorAll('#view-trials .body .row').length === 1")
    live.focus("#view-trials .grid")
    live.keyboard.press("ArrowDown")
    live.keyboard.press("Enter")
    assert live.inner_text("#detail h2") == "running"


def test_the_front_is_the_one_that_python_draws(live: Page) -> None:
    live.click("#tab-cost")
    until(live, "document.getElementById('front').textContent")
    assert live.inner_text("#front") == "Pareto front: 2 of 2 trials"


def test_what_happens_is_shown_while_the_page_is_open(
    family: History, write: Callable[[History], Path], serve: Callable[[Source], DashboardServer], page: Page
) -> None:
    page.goto(serve(ExperimentSource(write(family), store="none")).url)
    page.wait_for_selector("body[data-ready=yes]")
    answers: list[str] = []
    page.on("response", lambda response: answers.append(response.url) if "facts" in response.url else None)
    family.complete("running", 0.95)
    family.propose("grandchild", "running")
    write(family)
    until(page, "model.byId.has('grandchild')")
    assert "running 0.95" in page.inner_text("#to-best")
    assert all("since=0" not in url for url in answers)


def test_light_and_dark_are_a_key_apart_and_kept(live: Page) -> None:
    before = live.evaluate("document.documentElement.dataset.theme")
    live.keyboard.press("d")
    live.reload()
    live.wait_for_selector("body[data-ready=yes]")
    assert {before, live.evaluate("document.documentElement.dataset.theme")} == {"light", "dark"}


def test_a_server_that_is_gone_is_told(
    experiment: Path, serve: Callable[[Source], DashboardServer], browser: object
) -> None:
    """Apart from `page`, which lets no failed request pass."""
    from playwright.sync_api import Browser

    assert isinstance(browser, Browser)
    page = browser.new_page()
    page.goto(serve(ExperimentSource(experiment, store="none")).url)
    page.wait_for_selector("body[data-ready=yes]")
    page.route("**/facts?*", lambda route: route.abort())
    page.wait_for_selector("#problem:not([hidden])", timeout=60_000)
    assert "What is shown may be old" in page.inner_text("#problem")
    page.close()
