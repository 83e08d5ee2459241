"""What an experiment came to, in numbers."""

from __future__ import annotations

import pytest

from heredity.cli.comparing.measures import COSTS, anytime_curve, measures_of, score_at
from heredity.testing.histories import History


@pytest.fixture
def history() -> History:
    history = History()
    for trial, parents, scores in (("father", [], [0.2, 0.5]), ("child", ["father"], [0.6, 0.4])):
        history.propose(trial, *parents)
        history.start(trial)
        if parents:
            history.inherit(trial, {"verdict": "exact", "coverage": 0.5})
        for step, score in enumerate(scores, start=1):
            history.report(trial, score, step=step)
        history.complete(trial, scores[-1], resources={"cpu_seconds": 2.5})
    history.propose("child.scratch", twin_of="child")
    history.start("child.scratch")
    history.report("child.scratch", 0.3, step=4)
    history.complete("child.scratch", 0.3)
    return history


def test_the_best_says_whether_it_owes_anything_to_inheritance(history: History) -> None:
    best = measures_of(history.state).best
    assert best is not None
    assert (best.trial, best.verdict, best.cumulative_steps) == ("father", "", 2)
    history.propose("grandchild", "child")
    history.start("grandchild")
    history.inherit("grandchild", {"verdict": "approximate", "coverage": 0.25})
    history.report("grandchild", 0.9, step=1)
    history.complete("grandchild", 0.9)
    best = measures_of(history.state).best
    assert best is not None
    assert (best.trial, best.parent, best.coverage, best.cumulative_steps) == ("grandchild", "child", 0.25, 5)


def test_costs_are_summed(history: History) -> None:
    totals = measures_of(history.state).totals
    assert (totals["steps"], totals["trials"], totals["cpu"]) == (8, 3, 5.0)


def test_gains_compare_heirs_with_their_twins(history: History) -> None:
    gains = measures_of(history.state).gains
    assert (gains.num_heirs, gains.num_exact, gains.num_pairs, gains.num_better) == (1, 1, 1, 1)
    assert gains.mean_difference == pytest.approx(0.1)
    assert (gains.num_reached, gains.median_share_of_steps) == (1, 0.25)


def test_where_less_is_better_a_gain_is_still_positive() -> None:
    history = History(direction="minimize")
    history.propose("father")
    history.start("father")
    history.complete("father", 1.0)
    history.propose("child", "father")
    history.propose("twin", twin_of="child")
    history.start("child")
    history.inherit("child", {"verdict": "exact"})
    history.complete("child", 0.2)
    history.start("twin")
    history.complete("twin", 0.5)
    assert measures_of(history.state).gains.mean_difference == pytest.approx(0.3)


def test_the_curve_holds_improvements_by_what_was_paid(history: History) -> None:
    assert anytime_curve(history.state, COSTS["steps"]) == [(2, 0.5)]
    history.propose("better")
    history.start("better")
    history.report("better", 0.8, step=5)
    history.complete("better", 0.8)
    curve = anytime_curve(history.state, COSTS["steps"])
    assert curve == [(2, 0.5), (13, 0.8)]
    assert [score_at(curve, paid) for paid in (1, 2, 12, 13)] == [None, 0.5, 0.5, 0.8]


def test_an_experiment_without_trials_can_be_measured() -> None:
    measures = measures_of(History().state)
    assert measures.best is None
    assert measures.totals["wall"] == 0
