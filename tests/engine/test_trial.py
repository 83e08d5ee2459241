"""What a trial function may ask of its trial, and what it is told when it asks for too much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import heredity as hd
from heredity.engine.function import FunctionReference
from heredity.experiment import ExperimentState
from heredity.ids import TrialId
from heredity.inheritance import recorded_inheritance
from heredity.strategies import Given, GivenTrial
from heredity.testing.experiments import trial_named

PROGRAMS = Path(__file__).parent / "programs"


def run(
    *trials: tuple[str, dict[str, Any], list[str]], function: str = "heir", min_coverage: float = 0.01
) -> ExperimentState:
    given = [
        GivenTrial(TrialId(name), parameters, tuple(TrialId(parent) for parent in parents))
        for name, parameters, parents in trials
    ]
    return hd.Experiment(
        train=FunctionReference("heirs", function, folder=str(PROGRAMS)),
        name="heirs",
        strategy=Given(given),
        seed=0,
        budget=hd.Budget(concurrency=1, min_coverage=min_coverage),
        executor="inline",
        directory="run",
    ).run()


def test_a_founder_inherits_nothing_and_a_child_what_there_is() -> None:
    state = run(("father", {"width": 4}, []), ("child", {"width": 8}, ["father"]))
    assert trial_named(state, "father").score == -1.0
    child = trial_named(state, "child")
    assert child.score == pytest.approx(26 / 50)
    assert child.inheritance is not None
    assert child.inheritance["verdict"] == "exact"
    assert child.inheritance["max_difference"] == 0.0
    store = hd.open_store("run/store")
    assert store["heirs/child@1"].parents == ("heirs/father@1",)
    about = {"trial": "child", "parameters": {"width": 8}, "steps": 0}
    assert store["heirs/child@1"].metadata.items() >= about.items()


def test_what_an_heir_saves_carries_what_it_inherited_and_from_whom() -> None:
    state = run(("father", {"width": 4}, []), ("child", {"width": 8}, ["father"]))
    store = hd.open_store("run/store")
    assert recorded_inheritance(store["heirs/father@1"]) is None
    recorded = recorded_inheritance(store["heirs/child@1"])
    assert recorded is not None
    assert (recorded.summary, recorded.store_id) == (trial_named(state, "child").inheritance, store.store_id)
    assert recorded.plan is not None
    assert recorded.plan.by_tensor["0.weight"].source == "0.weight"


def test_a_network_with_other_parameters_carries_nothing_of_it() -> None:
    run(("father", {"width": 4}, []), ("child", {"width": 8, "saved_width": 5}, ["father"]))
    child = hd.open_store("run/store")["heirs/child@1"]
    assert recorded_inheritance(child) is None
    assert child.parents == ("heirs/father@1",)


def test_what_is_given_to_be_saved_wins() -> None:
    run(
        ("uncle", {"width": 4}, []),
        ("father", {"width": 4}, []),
        ("child", {"width": 8, "from": "heirs/uncle@1"}, ["father"]),
    )
    child = hd.open_store("run/store")["heirs/child@1"]
    recorded = recorded_inheritance(child)
    assert recorded is not None
    assert recorded.summary["parent"] == "heirs/uncle@1"
    assert child.parents == ("heirs/uncle@1", "heirs/father@1")


def test_metadata_of_the_trials_own_under_that_name_stay() -> None:
    mine = {"inheritance": "a house"}
    run(("father", {"width": 4}, []), ("child", {"width": 8, "metadata": mine}, ["father"]))
    assert hd.open_store("run/store")["heirs/child@1"].metadata["inheritance"] == "a house"


def test_what_something_else_has_brought_over_is_told_and_carried() -> None:
    state = run(
        ("uncle", {"width": 4}, []), ("child", {"width": 8, "from": "heirs/uncle@1"}, []), function="told"
    )
    told = trial_named(state, "child").inheritance
    assert told is not None
    assert (told["parent"], told["verdict"]) == ("heirs/uncle@1", "exact")
    child = hd.open_store("run/store")["heirs/child@1"]
    recorded = recorded_inheritance(child)
    assert recorded is not None
    assert recorded.summary == told
    assert child.parents == ("heirs/uncle@1",)


def test_what_something_else_has_brought_over_may_be_too_little() -> None:
    state = run(
        ("uncle", {"width": 4}, []),
        ("child", {"width": 8, "from": "heirs/uncle@1"}, []),
        function="told",
        min_coverage=0.9,
    )
    assert "52.0% of its weights come from heirs/uncle@1" in trial_named(state, "child").error


def test_less_than_the_least_coverage_fails_the_trial_instead_of_training_from_nothing() -> None:
    state = run(("father", {"width": 4}, []), ("child", {"width": 8}, ["father"]), min_coverage=0.9)
    error = trial_named(state, "child").error
    assert "52.0% of its weights come from heirs/father@1, less than min_coverage = 90.0%" in error
    assert "0.weight" in error  # the table says which


def test_a_parent_that_saved_nothing_is_named() -> None:
    state = run(("father", {"width": 4, "saves": False}, []), ("child", {"width": 8}, ["father"]))
    assert "its parent father completed without saving a checkpoint" in trial_named(state, "child").error


def test_a_parent_without_a_graph_passes_on_what_fits_by_name() -> None:
    state = run(("father", {"width": 4, "graph": False}, []), ("child", {"width": 4}, ["father"]))
    inheritance = trial_named(state, "child").inheritance
    assert inheritance is not None
    assert inheritance["verdict"] == "approximate"
    assert "saved without its graph" in str(inheritance["reason"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"value": "nan"}, "expected a finite number, got nan"),
        ({"value": "text"}, "expected a finite number, got '0.9'"),
        ({"value": "none"}, "expected a number, got NoneType"),
        ({"value": "many"}, "expected a number, got Tensor"),
    ],
)
def test_a_report_that_is_no_number_is_refused(parameters: dict[str, Any], message: str) -> None:
    state = run(("a", parameters, []), function="bad_report")
    assert message in trial_named(state, "a").error


def test_steps_are_not_negative() -> None:
    state = run(("a", {"value": "text", "step": -1}, []), function="bad_report")
    assert trial_named(state, "a").state.value == "failed"


def test_a_tensor_of_one_number_is_a_number_and_steps_count_on() -> None:
    state = run(("a", {}, []), function="tensor_report")
    assert [(report.step, report.value) for report in trial_named(state, "a").reports] == [
        (3, 0.5),
        (4, 0.75),
    ]
