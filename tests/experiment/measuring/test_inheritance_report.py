"""What inheritance gave: pairs at the end, at equal own and equal cumulative steps; and the winner."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from heredity.experiment import TwinPair, inheritance_report, twin_pairs, winner_of
from heredity.testing.histories import History

Reports = Mapping[int, float]


def run(
    history: History,
    trial: str,
    *parents: str,
    reports: Reports,
    twin_of: str | None = None,
    coverage: float | None = None,
) -> None:
    """Run a trial whose score is its last report."""
    history.propose(trial, *parents, twin_of=twin_of, parameters={"of": twin_of or trial})
    history.start(trial)
    if coverage is not None:
        history.inherit(trial, {"coverage": coverage})
    for step, value in reports.items():
        history.report(trial, value, step=step)
    history.complete(trial, list(reports.values())[-1])


def go_on(
    history: History,
    trial: str,
    parent: str,
    *,
    reports: Reports,
    parameters: Mapping[str, str] | None = None,
) -> None:
    """Run a trial that continues its parent."""
    record = history[parent]
    history.propose(trial, parent, parameters=parameters or record.parameters, continues=True)
    history.start(trial)
    history.go_on(trial, f"history/{parent}@1", step=record.first_step + record.steps, is_own=False)
    for step, value in reports.items():
        history.report(trial, value, step=step)
    history.complete(trial, list(reports.values())[-1])


def at_own_steps(pair: TwinPair) -> tuple[int | None, float | None]:
    return pair.own_steps, rounded(pair.gain_at_own_steps)


def at_the_same_price(pair: TwinPair) -> tuple[int | None, float | None]:
    return pair.cumulative_steps, rounded(pair.gain_at_cumulative_steps)


def rounded(gain: float | None) -> float | None:
    return None if gain is None else round(gain, 9)


@pytest.fixture
def family(experiment: History) -> History:
    """A father of 20 steps and his child of 10, with a twin of 10."""
    run(experiment, "father", reports={10: 0.3, 20: 0.5})
    run(experiment, "child", "father", reports={0: 0.5, 5: 0.6, 10: 0.8}, coverage=0.9)
    run(experiment, "child.scratch", reports={0: 0.1, 5: 0.4, 10: 0.6}, twin_of="child")
    return experiment


# --- pairs --------------------------------------------------------------------------------------------------


def test_a_pair_is_compared_at_its_ends_and_after_as_many_own_steps(family: History) -> None:
    (pair,) = twin_pairs(family.state)
    assert (pair.trial, pair.twin, pair.merit, pair.twin_merit) == ("child", "child.scratch", 0.8, 0.6)
    assert pair.gain_at_end == pytest.approx(0.2)
    assert at_own_steps(pair) == (10, 0.2)


def test_the_child_is_compared_where_the_shorter_of_two_has_ended(experiment: History) -> None:
    run(experiment, "father", reports={20: 0.5})
    run(experiment, "child", "father", reports={5: 0.6, 10: 0.8})
    run(experiment, "twin", reports={5: 0.4, 10: 0.6, 15: 0.9}, twin_of="child")
    (pair,) = twin_pairs(experiment.state)
    assert pair.gain_at_end == pytest.approx(-0.1)
    assert at_own_steps(pair) == (10, 0.2)


def test_a_report_stands_for_a_tenth_of_its_step(experiment: History) -> None:
    run(experiment, "father", reports={20: 0.5})
    run(experiment, "child", "father", reports={50: 0.5, 95: 0.8})
    run(experiment, "twin", reports={50: 0.4, 100: 0.6}, twin_of="child")
    (pair,) = twin_pairs(experiment.state)
    assert at_own_steps(pair) == (50, 0.1)
    run(experiment, "other", "father", reports={50: 0.5, 95: 0.8, 100: 0.9})
    run(experiment, "other-twin", reports={50: 0.4, 91: 0.6}, twin_of="other")
    assert twin_pairs(experiment.state)[1].own_steps == 50
    run(experiment, "third", "father", reports={50: 0.5, 91: 0.8})
    run(experiment, "third-twin", reports={50: 0.4, 90: 0.6, 95: 0.7}, twin_of="third")
    assert twin_pairs(experiment.state)[2].own_steps == 91


def test_reports_that_are_far_apart_are_not_compared(experiment: History) -> None:
    run(experiment, "father", reports={20: 0.5})
    run(experiment, "child", "father", reports={10: 0.8})
    run(experiment, "twin", reports={5: 0.4, 20: 0.6}, twin_of="child")
    (pair,) = twin_pairs(experiment.state)
    assert at_own_steps(pair) == (None, None)


def test_at_the_same_price_the_ancestors_count(experiment: History) -> None:
    run(experiment, "father", reports={20: 0.5})
    run(experiment, "child", "father", reports={0: 0.5, 5: 0.6, 10: 0.8})
    run(experiment, "twin", reports={5: 0.4, 20: 0.65, 25: 0.7, 30: 0.75}, twin_of="child")
    (pair,) = twin_pairs(experiment.state)
    assert at_the_same_price(pair) == (30, 0.05)


def test_a_twin_that_ended_with_the_ancestors_meets_what_was_inherited(experiment: History) -> None:
    run(experiment, "father", reports={10: 0.5})
    run(experiment, "child", "father", reports={0: 0.5, 5: 0.6, 10: 0.8})
    run(experiment, "twin", reports={0: 0.1, 5: 0.4, 10: 0.6}, twin_of="child")
    (pair,) = twin_pairs(experiment.state)
    assert at_the_same_price(pair) == (10, -0.1)


def test_a_twin_that_ended_before_its_child_began_cannot_be_compared_at_its_price(family: History) -> None:
    (pair,) = twin_pairs(family.state)
    assert at_the_same_price(pair) == (None, None)


def test_steps_are_saved_until_a_report_is_as_good_as_the_twins_end(family: History) -> None:
    (pair,) = twin_pairs(family.state)
    assert (pair.steps_to_twin, pair.steps_saved) == (5, 5)


def test_a_child_that_never_was_as_good_has_saved_nothing_that_could_be_told(experiment: History) -> None:
    run(experiment, "father", reports={10: 0.5})
    run(experiment, "child", "father", reports={10: 0.5})
    run(experiment, "twin", reports={10: 0.6}, twin_of="child")
    (pair,) = twin_pairs(experiment.state)
    assert (pair.steps_to_twin, pair.steps_saved) == (None, None)


def test_less_is_better_where_the_score_is_minimized(make_experiment: Callable[..., History]) -> None:
    history = make_experiment(direction="minimize")
    run(history, "father", reports={10: 0.5})
    run(history, "child", "father", reports={5: 0.4, 10: 0.2})
    run(history, "twin", reports={5: 0.7, 10: 0.3}, twin_of="child")
    (pair,) = twin_pairs(history.state)
    assert pair.gain_at_end == pytest.approx(0.1)
    assert at_own_steps(pair) == (10, 0.1)
    assert pair.steps_to_twin == 10


def test_own_steps_of_a_trial_that_continues_begin_where_its_parents_ended(experiment: History) -> None:
    run(experiment, "rung", reports={10: 0.5})
    go_on(experiment, "next", "rung", reports={15: 0.6, 20: 0.8})
    run(experiment, "twin", reports={5: 0.3, 10: 0.4, 20: 0.7}, twin_of="next")
    (pair,) = twin_pairs(experiment.state)
    assert at_own_steps(pair) == (10, 0.4)
    assert at_the_same_price(pair) == (20, 0.1)
    assert (pair.steps_to_twin, pair.steps_saved) == (10, 10)


def test_a_pair_of_which_one_has_no_score_is_none(family: History) -> None:
    family.propose("failing", "father")
    family.start("failing")
    family.fail("failing", "out of memory")
    run(family, "twin-of-failing", reports={10: 0.9}, twin_of="failing")
    report = inheritance_report(family.state)
    assert (report.num_children, report.num_twins, len(report.pairs)) == (2, 2, 1)


def test_a_trial_that_goes_on_is_no_child(family: History) -> None:
    go_on(family, "rung", "father", reports={30: 0.6})
    assert inheritance_report(family.state).num_children == 1
    go_on(family, "exploiting", "father", reports={30: 0.6}, parameters={"of": "another"})
    assert inheritance_report(family.state).num_children == 2


# --- the whole ----------------------------------------------------------------------------------------------


def test_gains_are_summed_up_over_all_pairs(family: History) -> None:
    for name, score, twin_score in (("b", 0.7, 0.8), ("c", 0.9, 0.5)):
        run(family, name, "father", reports={5: 0.5, 10: score})
        run(family, f"{name}.scratch", reports={5: 0.1, 10: twin_score}, twin_of=name)
    report = inheritance_report(family.state)
    assert report.gain_at_end is not None
    assert (report.gain_at_end.num, report.gain_at_end.num_above_zero) == (3, 2)
    assert report.gain_at_end.mean == pytest.approx(0.5 / 3)
    assert report.gain_at_end.median == pytest.approx(0.2)
    assert report.gain_at_end == report.gain_at_own_steps
    assert report.steps_saved is not None
    assert (report.steps_saved.num, report.steps_saved.mean) == (2, 5.0)  # 5 steps each; b never got there
    assert (report.kendall_tau, report.spearman_rho) == (-1.0, -1.0)


def test_the_twins_price_is_told_apart(family: History) -> None:
    report = inheritance_report(family.state)
    assert (report.total_steps, report.twin_steps) == (30, 10)


def test_an_experiment_without_twins_has_measured_nothing(experiment: History) -> None:
    report = inheritance_report(experiment.state)
    assert (report.gain_at_end, report.gain_at_own_steps, report.steps_saved) == (None, None, None)
    assert (report.kendall_tau, report.winner) == (None, None)


# --- the winner ---------------------------------------------------------------------------------------------


def test_the_winner_has_its_lineage_and_its_price(family: History) -> None:
    winner = winner_of(family.state)
    assert winner is not None
    assert (winner.trial, winner.score, winner.lineage) == ("child", 0.8, ("father", "child"))
    assert (winner.steps, winner.cumulative_steps, winner.has_inherited) == (10, 30, True)


def has_inherited(history: History) -> bool | None:
    winner = winner_of(history.state)
    assert winner is not None
    return winner.has_inherited


def test_a_founder_can_win_in_a_search_that_inherits(family: History) -> None:
    run(family, "mother", reports={10: 0.99})
    assert has_inherited(family) is False


def test_a_twin_does_not_win(family: History) -> None:
    run(family, "another.scratch", reports={10: 0.99}, twin_of="child")
    winner = winner_of(family.state)
    assert winner is not None
    assert winner.trial == "child"


def test_of_equals_the_first_wins(family: History) -> None:
    run(family, "later", reports={10: 0.8})
    winner = winner_of(family.state)
    assert winner is not None
    assert winner.trial == "child"


def test_a_founder_that_goes_on_has_inherited_nothing(family: History) -> None:
    run(family, "mother", reports={10: 0.1})
    go_on(family, "rung", "mother", reports={20: 0.99})
    assert has_inherited(family) is False


def test_an_heir_that_goes_on_is_still_an_heir(family: History) -> None:
    go_on(family, "rung", "child", reports={20: 0.99})
    assert has_inherited(family) is True


def test_weights_of_the_same_shapes_are_inherited_under_other_hyperparameters(family: History) -> None:
    go_on(family, "exploiting", "father", reports={30: 0.99}, parameters={"of": "another"})
    assert has_inherited(family) is True


def test_a_child_of_whose_weights_none_came_over_has_inherited_nothing(family: History) -> None:
    run(family, "loser", "father", reports={10: 0.99}, coverage=0.0)
    assert has_inherited(family) is False


def test_what_a_trial_function_took_by_itself_is_not_known(family: History) -> None:
    run(family, "silent", "father", reports={10: 0.99})
    assert has_inherited(family) is None
