"""The report in a browser, from a file; what is odd; and thousands of trials."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.dashboard.browser.waiting import until

from heredity.dashboard.reading.sources import ExperimentSource
from heredity.dashboard.report import write_report
from heredity.testing.histories import History

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.dashboard

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def show(page: Page, tmp_path: Path) -> Callable[[Path], Page]:
    """Write a report of an experiment and open it; whatever it asks of a network fails the test."""

    def open_it(directory: Path) -> Page:
        out = tmp_path / "report.html"
        write_report(ExperimentSource(directory, store="none"), out, now=NOW)
        page.on("request", lambda request: pytest.fail(request.url) if "file:" not in request.url else None)
        page.goto(out.as_uri())
        page.wait_for_selector("body[data-ready=yes]")
        return page

    return open_it


def test_a_report_has_all_without_a_server(experiment: Path, show: Callable[[Path], Page]) -> None:
    page = show(experiment)
    page.evaluate("select('heir')")
    page.wait_for_selector("#detail details[data-name=log]")
    assert "as of 2026-01-01" in page.inner_text("#liveness")
    for view in ("curves", "cost", "storage", "trials"):
        page.click(f"#tab-{view}")
        assert page.locator(f"#view-{view}").is_visible()


def test_an_empty_experiment_says_so(write: Callable[[History], Path], show: Callable[[Path], Page]) -> None:
    page = show(write(History()))
    for view in ("curves", "cost", "storage", "trials", "lineage"):
        page.click(f"#tab-{view}")
    assert page.evaluate("views.lineage.chart.isEmpty") is True


def test_one_trial_alone_is_shown(write: Callable[[History], Path], show: Callable[[Path], Page]) -> None:
    history = History()
    history.propose("only")
    history.start("only")
    history.report("only", 0.5, step=1)
    history.complete("only", 0.5)
    page = show(write(history))
    for view in ("lineage", "curves", "cost"):
        page.click(f"#tab-{view}")
        until(page, f"views.{view}.chart.isEmpty === false")


def test_several_objectives_stand_on_either_axis(
    write: Callable[[History], Path], show: Callable[[Path], Page]
) -> None:
    history = History(concurrency=2, further_objectives={"latency": "minimize"})
    for name, score, latency in (("quick", 0.5, 1.0), ("good", 0.9, 5.0), ("neither", 0.4, 6.0)):
        history.propose(name)
        history.start(name)
        history.complete(name, score, metrics={"latency": latency})
    page = show(write(history))
    page.click("#tab-cost")
    page.select_option("#view-cost select", ":latency")
    until(page, "document.getElementById('front').textContent === 'Pareto front: 2 of 3 trials'")
    assert page.inner_text("#to-best") == "★ front of 2"
    page.click("#to-best")
    assert page.inner_text("#detail h2") == "good"


def test_of_names_that_differ_at_their_ends_the_ends_are_shown(
    write: Callable[[History], Path], show: Callable[[Path], Page]
) -> None:
    history = History()
    names = [f"a-network-with-a-name-as-long-as-a-name-may-be-number-{n}" for n in range(2)]
    for name in names:
        history.propose(name)
    page = show(write(history))
    page.click("#tab-trials")
    cells = page.locator("#view-trials .body .row .cell:first-child")
    until(page, "document.querySelectorAll('#view-trials .body .row').length === 2")
    assert [text[-8:] for text in cells.all_inner_texts()] == ["number-0", "number-1"]
    assert cells.first.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
    assert [cell.get_attribute("title") for cell in cells.all()] == names


def test_a_column_in_which_nothing_stands_is_left_out(experiment: Path, show: Callable[[Path], Page]) -> None:
    page = show(experiment)
    page.click("#tab-trials")
    until(page, "document.querySelectorAll('#view-trials .body .row').length === 4")
    titles = [text.rstrip(" ▾▴") for text in page.locator("#view-trials .titles button").all_inner_texts()]
    assert titles == ["trial", "state", "score", "inherited", "parents", "steps", "in all", "time", "why"]


def test_a_table_says_why_it_is_empty(experiment: Path, show: Callable[[Path], Page]) -> None:
    page = show(experiment)
    page.click("#tab-trials")
    page.fill("#filter", "no trial has this word")
    page.wait_for_selector("text=Nothing here fits the filter.")


def test_a_value_alone_stands_among_round_ones(
    write: Callable[[History], Path], show: Callable[[Path], Page]
) -> None:
    history = History()
    history.propose("only")
    history.start("only")
    history.report("only", 0.4689, step=100)
    history.complete("only", 0.4689)
    page = show(write(history))
    page.click("#tab-cost")
    until(page, "views.cost.chart.whole")
    assert page.evaluate("views.cost.chart.yTicks()[1]") == pytest.approx(0.01)


def test_a_cell_is_drawn(write: Callable[[History], Path], show: Callable[[Path], Page]) -> None:
    history = History()
    history.propose("derived", parameters={"normal/0/0": "conv3", "normal/0/1": "skip", "normal/1/2": "pool"})
    page = show(write(history))
    page.click("#tab-cells")
    page.wait_for_selector("#view-cells svg")
    texts = page.locator("#view-cells svg text").all_text_contents()
    assert {"conv3", "skip", "pool", "output", "node 1"} <= set(texts)


def test_of_two_cells_asked_for_the_later_one_is_shown(
    write: Callable[[History], Path], show: Callable[[Path], Page]
) -> None:
    """The answer to the first question comes last."""
    history = History()
    for name, operator in (("one", "conv3"), ("two", "pool")):
        history.propose(name, parameters={"normal/0/0": operator, "normal/0/1": "skip"})
    page = show(write(history))
    page.evaluate(
        "detailOf = ((known) => async (id) => { const answer = await known(id);"
        " if (id === 'one') await new Promise((done) => { letGo = done; }); return answer; })(detailOf);"
        " letGo = null; show('cells'); cells.shown = ''; select('one'); select('two');"
    )
    until(page, "letGo && document.querySelector('#view-cells svg')")
    page.evaluate("async () => { letGo(); await new Promise(requestAnimationFrame); }")
    assert "pool" in page.locator("#view-cells svg text").all_text_contents()


def test_among_many_scores_no_line_leads_to_a_trial_without_one(
    write: Callable[[History], Path], show: Callable[[Path], Page]
) -> None:
    history = History()
    history.propose("father")
    history.start("father")
    history.complete("father", 0.5)
    for number in range(801):
        history.propose(f"t{number}", "father")
    page = show(write(history))
    is_led_to = "lineage.isLedTo(model.byId.get('t7'))"
    assert page.evaluate(is_led_to)
    page.select_option("#view-lineage select >> nth=1", "score")
    assert not page.evaluate(is_led_to)
    page.evaluate("select('t7')")
    assert page.evaluate(is_led_to)


def test_thousands_of_trials_take_a_part_of_a_second_of_the_processor(
    write: Callable[[History], Path], show: Callable[[Path], Page]
) -> None:
    """By the processor's time of the page: the clock says how busy the machine is."""
    history = History()
    for number in range(5000):
        name = f"t{number}"
        history.propose(name, *([f"t{number * 7 // 8}"] if number > 50 else []))
        history.start(name)
        history.report(name, (number * 37 % 101) / 101, step=10)
        history.complete(name, (number * 37 % 101) / 101)
    page = show(write(history))
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.reload()
    page.wait_for_selector("body[data-ready=yes]")
    until(page, "views.lineage.pixels && views.lineage.pixels.length === 5000")
    measured = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    assert measured["TaskDuration"] < 2.0
