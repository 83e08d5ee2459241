"""The table of trials: what it says of each, and how it gives way to a narrow terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from heredity.cli.trials.columns import Sheet, as_table, fitting, print_plain, trial_sheet
from heredity.dashboard.reading.best import best_trials
from heredity.testing.histories import History


@pytest.fixture
def history() -> History:
    history = History(on_parent_failure="release")
    history.propose("father", max_steps=9, parameters={"width": 8})
    history.start("father")
    history.report("father", 0.4, step=9)
    history.save("father", "history/father@1")
    history.complete(
        "father", 0.5, resources={"cpu_seconds": 3.0, "peak_memory_bytes": 2_000_000, "host": "h"}
    )
    history.propose("child", "father", max_steps=27, continues=True)
    history.start("child")
    history.go_on("child", "history/father@1", step=9, is_own=False)
    history.report("child", 0.6, step=18)
    return history


def _sheet(history: History) -> Sheet:
    records = list(history.state.trials.values())
    return trial_sheet(history.state, records, marked=best_trials(history.state))


def _row(history: History, trial: str) -> dict[str, str]:
    sheet = _sheet(history)
    row = next(row for row in sheet.rows if str(row[0]) == trial)
    return {title.rstrip(">~"): str(cell) for title, cell in zip(sheet.titles, row, strict=True)}


def test_a_trial_that_has_ended(history: History) -> None:
    row = _row(history, "father")
    assert (row["score"], row["steps"], row["cpu"], row["memory"]) == ("* 0.5", "9", "3.0 s", "2.0 MB")


def test_a_trial_that_goes_on_from_its_parent_and_runs(history: History) -> None:
    """Nine of eighteen own steps, eighteen with its father's; its score is not the end."""
    row = _row(history, "child")
    assert (row["score"], row["steps"], row["in all"]) == ("0.6 …", "+9/18", "18")


def test_no_hundred_percent_is_said_of_less_than_all(history: History) -> None:
    history.inherit("child", {"verdict": "exact", "coverage": 0.998})
    assert _row(history, "child")["inherited"] == "exact 99%"


def test_a_stopped_trial_says_why(history: History) -> None:
    history.ask_to_stop("child", "below the median")
    history.stop_early("child", 0.6)
    assert _row(history, "child")["why"] == "below the median"


def test_columns_that_say_nothing_are_left_out(history: History) -> None:
    assert "inherited" not in _row(history, "father")
    assert "attempts" not in _row(history, "father")


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_table_fits_the_terminal_and_says_what_it_left_out(history: History, width: int) -> None:
    full = _sheet(history)
    sheet, hidden = fitting(full, width)
    assert len(sheet.titles) + len(hidden) == len(full.titles)
    console = Console(file=io.StringIO(), width=width)
    console.print(as_table(sheet))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert len([line for line in lines if line.strip()]) == 4  # no cell takes two lines
    assert "…" not in "".join(lines).replace("0.6 …", "")


def test_a_program_gets_every_column_without_colours(history: History) -> None:
    console = Console(file=io.StringIO(), width=20)
    print_plain(console, _sheet(history))
    assert isinstance(console.file, io.StringIO)
    head, rule, father, child = console.file.getvalue().splitlines()
    assert head.split() == [
        "trial",
        "parents",
        "state",
        "score",
        "steps",
        "in",
        "all",
        "time",
        "cpu",
        "memory",
        "host",
    ]
    assert set(rule) == {"─", " "}
    assert father.startswith("father")
    assert "\x1b" not in father + child
