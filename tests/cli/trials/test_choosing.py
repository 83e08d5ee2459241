"""Which trials are asked for, in which order, and which of them are the best."""

from __future__ import annotations

import pytest

from heredity.cli.trials.choosing import Wanted, chosen
from heredity.dashboard.reading.best import best_trials
from heredity.errors import ConfigError
from heredity.testing.histories import History


def _ended(history: History, trial: str, score: float | None, *parents: str, latency: float = 0.0) -> None:
    history.propose(trial, *parents)
    history.start(trial)
    history.report(trial, score or 0.0, step=10 * (1 + len(history.state.trials)))
    history.complete(trial, score, metrics={"latency": latency})


@pytest.fixture
def history() -> History:
    history = History(further_objectives={"latency": "minimize"})
    _ended(history, "a", 0.5, latency=1)
    _ended(history, "b", 0.9, "a", latency=9)
    _ended(history, "c", 0.7, "a", latency=9.5)
    _ended(history, "d", None, "b")
    history.propose("e", "c")
    return history


def _names(history: History, **options: object) -> list[str]:
    wanted = Wanted(**options)  # type: ignore[arg-type]  # each test names what it tests
    records = chosen(history.state, wanted, marked=best_trials(history.state))
    return [record.id for record in records]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["a", "b", "c", "d", "e"]),
        ({"state": ("queued",)}, ["e"]),
        ({"parent": "a"}, ["b", "c"]),
        ({"founders": True}, ["a"]),
        ({"at_least": 0.6}, ["b", "c"]),
        ({"at_least": 0.6, "at_most": 0.7}, ["c"]),
        ({"front": True}, ["a", "b"]),
        ({"best": 2}, ["b", "c"]),
        ({"last": 2}, ["d", "e"]),
        ({"sort": "score"}, ["b", "c", "a", "d", "e"]),
        ({"sort": "steps", "last": 3}, ["d", "c", "e"]),
    ],
    ids=str,
)
def test_options_choose_and_sort(history: History, options: dict[str, object], names: list[str]) -> None:
    assert _names(history, **options) == names


def test_a_parent_that_is_no_trial_is_refused(history: History) -> None:
    with pytest.raises(ConfigError, match="no such trial"):
        _names(history, parent="z")


def test_of_several_objectives_the_best_are_those_that_nothing_dominates(history: History) -> None:
    assert best_trials(history.state) == {"a", "b"}


def test_of_one_score_the_best_is_the_lowest_where_less_is_better() -> None:
    history = History(direction="minimize")
    _ended(history, "high", 0.9)
    _ended(history, "low", 0.1)
    _ended(history, "none", None)
    assert best_trials(history.state) == {"low"}


def test_without_a_score_nothing_is_best() -> None:
    assert best_trials(History().state) == frozenset()
