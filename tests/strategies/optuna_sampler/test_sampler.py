"""Optuna's samplers behind ask and tell."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from functools import partial

import optuna
import pytest
from tests.strategies.playing import asked, ended, played

from heredity.errors import ConfigError
from heredity.experiment import TrialState
from heredity.space import Choice, Float, Int, Nested, Normal, Repeat, Rounded, Space, When
from heredity.strategies import NoProposal, Proposal, Strategy
from heredity.strategies.halving import ASHA, SuccessiveHalving
from heredity.strategies.optuna_sampler import OptunaSampler
from heredity.strategies.optuna_sampler.sampler import SamplerName
from heredity.testing.strategy_suite import StrategySuite

EVERYTHING = Space(
    {
        "rate": Float(1e-4, 1e-1, log=True),
        "dropout": Float(0.0, 0.5, step=0.1),
        "width": Int(8, 64, step=8),
        "units": Int(1, 1_000, log=True),
        "odd": Int(1, 99, log=True, step=2),
        "kernel": Choice([1, 3, 5], ordered=True),
        "activation": Choice(["relu", ["leaky", 0.1], None]),
        "spread": Normal(0.0, 1.0),
        "decay": Rounded(Float(0.0, 1.0), to=0.25),
        "blocks": Repeat(Nested({"conv": {"kernel": Choice([1, 3])}, "pool": {}}), 1, 3),
        "second": Int(8, 64),
    },
    conditions={"second": When("kernel", at_least=3)},
    constraints=["width * len(blocks) <= 128"],
)
PLANE = Space({"x": Float(-1.0, 1.0), "y": Float(-1.0, 1.0)})
NAMES: Sequence[SamplerName] = ("tpe", "cmaes", "nsga2", "nsga3", "qmc", "random")


class _OfEverySampler(StrategySuite):
    max_trials = 25

    @pytest.fixture(autouse=True, params=NAMES)
    def _sampler(self, request: pytest.FixtureRequest) -> None:
        self.name: SamplerName = request.param


class TestSamplersOfConditionalSpaces(_OfEverySampler):
    def make_strategy(self) -> Strategy:
        return OptunaSampler(EVERYTHING, seed=3, sampler=self.name, parents="nearest")


class TestSamplersOfFewPoints(_OfEverySampler):
    def make_strategy(self) -> Strategy:
        space = Space({"x": Int(1, 4), "kind": Choice(["a", "b"])})
        return OptunaSampler(space, seed=0, sampler=self.name, parents="best")


class TestSamplerOfTwoObjectives(StrategySuite):
    """The suite measures one only, so that all trials come to nothing."""

    max_trials = 25

    def make_strategy(self) -> Strategy:
        return OptunaSampler(PLANE, seed=0, sampler="nsga2", objectives=["speed"])


def x_of(proposal: Proposal) -> float:
    x = proposal.parameters["x"]
    assert isinstance(x, int | float)
    return x


def peak(proposal: Proposal) -> float:
    """Highest at (0.5, -0.5)."""
    x, y = (float(str(proposal.parameters[name])) for name in ("x", "y"))
    return -((x - 0.5) ** 2) - (y + 0.5) ** 2


@pytest.mark.parametrize("name", NAMES)
def test_every_point_is_one_of_the_space(name: SamplerName) -> None:
    proposals = played(OptunaSampler(EVERYTHING, seed=0, sampler=name), lambda _: 1.0, most=30)
    assert [EVERYTHING.problems(p.parameters) for p in proposals] == [[]] * 30


@pytest.mark.parametrize("name", ["tpe", "cmaes", "nsga2"])
def test_a_sampler_learns(name: SamplerName) -> None:
    """Its last points are at least twice as near as its first."""
    strategy = OptunaSampler(PLANE, seed=0, sampler=name)
    merits = [peak(p) for p in played(strategy, peak, most=150)]
    assert sum(merits[-20:]) / 20 > sum(merits[:20]) / 20 / 2


@pytest.mark.slow
def test_a_gaussian_process_learns_and_can_be_replayed() -> None:
    strategies = [OptunaSampler(PLANE, seed=0, sampler="gp") for _ in range(2)]
    first, second = (played(strategy, peak, concurrency=2, most=25) for strategy in strategies)
    assert first == second
    assert max(map(peak, first)) > -0.01


def test_minimizing_is_none_of_its_business() -> None:
    """It is told merits: with the sign turned, it goes to the other end."""

    def late(sign: float) -> float:
        strategy = OptunaSampler({"x": Float(-1.0, 1.0)}, seed=0)
        xs = [x_of(p) for p in played(strategy, lambda p: sign * x_of(p), most=60)[-20:]]
        return sum(xs) / len(xs)

    assert late(1.0) > 0.5
    assert late(-1.0) < -0.5


def test_other_seeds_give_other_points() -> None:
    points = [asked(OptunaSampler(PLANE, seed=seed)).parameters["x"] for seed in (0, 1, 2**40, -1)]
    assert len(set(map(str, points))) == 4


def test_no_point_is_tried_twice_and_all_are_tried() -> None:
    space = Space({"x": Int(1, 6), "kind": Choice(["a", "b"])})
    proposals = played(OptunaSampler(space, seed=0), x_of, concurrency=2)
    assert len({tuple(p.parameters.items()) for p in proposals}) == len(proposals) == 12


def test_a_point_that_is_hard_to_find_is_drawn_instead() -> None:
    space = Space({"x": Int(1, 1_000), "y": Int(1, 1_000)}, constraints=["x == y"])
    proposals = played(OptunaSampler(space, seed=0), x_of, most=15)
    assert all(p.parameters["x"] == p.parameters["y"] for p in proposals)


def test_a_sampler_of_the_users_is_taken() -> None:
    strategy = OptunaSampler(PLANE, seed=5, sampler=lambda seed: optuna.samplers.RandomSampler(seed=seed))
    named = OptunaSampler(PLANE, seed=5, sampler="random")
    assert [asked(strategy) for _ in range(3)] == [asked(named) for _ in range(3)]


def test_the_number_of_steps_is_passed_on() -> None:
    assert asked(OptunaSampler(PLANE, seed=0, max_steps=7)).max_steps == 7


# --- what the sampler is told -------------------------------------------------------------------------------


class Watched(optuna.samplers.RandomSampler):
    """Remembers how trials ended."""

    ends: list[tuple[optuna.trial.TrialState, Sequence[float] | None, Mapping[int, float]]]

    def after_trial(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        state: optuna.trial.TrialState,
        values: Sequence[float] | None,
    ) -> None:
        self.ends.append((state, values, trial.intermediate_values))


def watched(*objectives: str) -> tuple[OptunaSampler, Watched]:
    sampler = Watched(seed=0)
    sampler.ends = []
    return OptunaSampler(PLANE, seed=0, sampler=lambda _: sampler, objectives=objectives), sampler


def test_a_failure_is_told_as_one() -> None:
    strategy, sampler = watched()
    strategy.tell(ended(asked(strategy), None))
    assert sampler.ends == [(optuna.trial.TrialState.FAIL, None, {})]


def test_what_was_stopped_is_told_with_its_last_step() -> None:
    strategy, sampler = watched()
    strategy.tell(ended(asked(strategy), 0.5, state=TrialState.STOPPED_EARLY))
    assert sampler.ends == [(optuna.trial.TrialState.PRUNED, [0.5], {1: 0.5})]


def test_all_objectives_are_told() -> None:
    strategy, sampler = watched("speed", "size")
    strategy.tell(ended(asked(strategy), 0.5, merits={"size": -3.0, "speed": 2.0, "heat": 1.0}))
    assert sampler.ends == [(optuna.trial.TrialState.COMPLETE, [0.5, 2.0, -3.0], {})]


def test_a_trial_that_lacks_an_objective_came_to_nothing() -> None:
    strategy, sampler = watched("speed")
    strategy.tell(ended(asked(strategy), 0.5))
    assert sampler.ends == [(optuna.trial.TrialState.FAIL, None, {})]


# --- parents ------------------------------------------------------------------------------------------------


def told(strategy: OptunaSampler, *merits: float | None, saves: bool = True) -> list[Proposal]:
    proposals = [asked(strategy) for _ in merits]
    for proposal, merit in zip(proposals, merits, strict=True):
        strategy.tell(ended(proposal, merit, saves=saves))
    return proposals


def test_the_nearest_of_the_better_half_is_the_parent() -> None:
    strategy = OptunaSampler(PLANE, seed=0, parents="nearest")
    known = told(strategy, 0.9, 0.1, 0.8, 0.2, 0.7)
    child = asked(strategy)
    good = [known[0], known[2], known[4]]
    nearest = min(good, key=lambda p: PLANE.distance(p.parameters, child.parameters))
    assert child.parents == (nearest.trial_id,)
    assert not child.continues
    assert child.info == {"distance_to_parent": PLANE.distance(nearest.parameters, child.parameters)}


def test_near_may_be_measured_by_the_architecture_alone() -> None:
    strategy = OptunaSampler(PLANE, seed=0, parents="nearest", architecture=["x"])
    known = told(strategy, 0.9, 0.8, 0.7, 0.0, 0.0, 0.0)
    child = asked(strategy)
    assert child.parents == (min(known[:3], key=lambda p: abs(x_of(p) - x_of(child))).trial_id,)


def test_the_best_may_be_the_parent_of_all() -> None:
    strategy = OptunaSampler(PLANE, seed=0, parents="best")
    told(strategy, 0.1, 0.9, 0.9)
    assert [asked(strategy).parents for _ in range(3)] == [("00002",)] * 3


def test_there_are_no_parents_unless_they_are_asked_for() -> None:
    strategy = OptunaSampler(PLANE, seed=0)
    told(strategy, 0.1)
    assert asked(strategy).parents == ()


@pytest.mark.parametrize("saves", [True, False])
def test_failures_and_those_that_saved_nothing_are_no_parents(saves: bool) -> None:
    strategy = OptunaSampler(PLANE, seed=0, parents="best")
    told(strategy, None if saves else 0.5, saves=saves)
    assert asked(strategy).parents == ()


# --- as the sampler of a halving ----------------------------------------------------------------------------


def test_a_halving_may_take_its_configurations_from_optuna() -> None:
    """Much like BOHB (Falkner et al. 2018)."""
    strategy = ASHA(PLANE, seed=0, min_steps=1, max_steps=9, num_configurations=60, sampler=OptunaSampler)
    founders = [p for p in played(strategy, peak, concurrency=2) if p.max_steps == 1]
    late = [peak(p) for p in founders[-20:]]
    assert sum(late) / 20 > -0.5


def test_configurations_may_inherit_from_the_nearest() -> None:
    sampler = partial(OptunaSampler, parents="nearest")
    strategy = SuccessiveHalving(
        PLANE, seed=0, min_steps=1, max_steps=3, num_configurations=9, sampler=sampler
    )
    proposals = played(strategy, peak)
    assert all(len(p.parents) == 1 and not p.continues for p in proposals[1:9])
    assert all(len(p.parents) == 1 and p.continues for p in proposals[9:])


# --- around it ----------------------------------------------------------------------------------------------


def test_optuna_is_silent_here_and_nowhere_else(capfd: pytest.CaptureFixture[str]) -> None:
    verbosity = optuna.logging.get_verbosity()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        played(OptunaSampler(EVERYTHING, seed=0, sampler="nsga3"), lambda _: 1.0, most=5)
    assert caught == []
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == verbosity


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Packages that are not installed."""
    missing: set[str] = set()
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in missing else find_spec(name)
    )
    return missing


@pytest.mark.parametrize(
    ("package", "sampler"), [("optuna", "tpe"), ("cmaes", "cmaes"), ("scipy", "gp"), ("scipy", "qmc")]
)
def test_a_package_that_is_missing_is_named(without: set[str], package: str, sampler: SamplerName) -> None:
    without.add(package)
    with pytest.raises(ConfigError, match=rf"{package}, which is not installed\. .*heredity\[optuna\]"):
        OptunaSampler(PLANE, seed=0, sampler=sampler)


def test_settings_that_do_not_exist_are_refused() -> None:
    make = partial(OptunaSampler, PLANE, seed=0)
    with pytest.raises(ConfigError, match=r"sampler: expected one of tpe, gp, .*, got 'tpf'"):
        make(sampler="tpf")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ConfigError, match="cmaes is for one objective, got 2"):
        make(sampler="cmaes", objectives=["speed"])
    with pytest.raises(ConfigError, match="parents: expected none, nearest or best, got 'next'"):
        make(parents="next")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ConfigError, match="architecture: 'z' is not in the space"):
        make(architecture=["z"])


def test_an_end_stays_an_end() -> None:
    strategy = OptunaSampler({"x": Choice([1])}, seed=0)
    trial = asked(strategy)
    assert strategy.ask() is NoProposal.EXHAUSTED
    strategy.tell(ended(trial, 1.0))
    assert strategy.ask() is NoProposal.EXHAUSTED
