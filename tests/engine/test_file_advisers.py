"""Strategies and stoppers from experiment files: what their classes accept, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

import heredity as hd
from heredity.engine.files.experiment_file import load_experiment
from heredity.engine.files.signatures import Misplaced, build
from heredity.errors import ConfigError
from heredity.ids import TrialId
from heredity.strategies import (
    ASHA,
    AnyOf,
    Fresh,
    Given,
    GridSearch,
    Progress,
    Proposal,
    RandomSearch,
    RegularizedEvolution,
    ScratchTwins,
    Stopper,
    Strategy,
)
from heredity.strategies.registry import STOPPERS, STRATEGIES, load

HEAD = """\
name: demo
function: train.py:train
seed: 7
concurrency: 2
space:
  width: {int: [1, 64]}
"""


def read(tmp_path: Path, text: str, *, head: str = HEAD) -> hd.Experiment:
    file = tmp_path / "experiment.yml"
    file.write_text(head + text)
    return load_experiment(file)


def fault(tmp_path: Path, text: str, *, head: str = HEAD) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, head=head)
    return str(caught.value)


@pytest.mark.parametrize("place", [*STRATEGIES.values(), *STOPPERS.values()])
def test_every_kind_has_its_class(place: str) -> None:
    assert load(place).__module__.startswith("heredity.strategies.")


@pytest.mark.parametrize("place", [*STRATEGIES.values(), *STOPPERS.values()])
def test_every_classes_signature_can_be_read(place: str) -> None:
    with pytest.raises(Misplaced, match="unknown key 'zebra'"):
        build(load(place), {"zebra": 1}, place=(), given={}, special={})


def test_every_public_strategy_and_stopper_has_a_kind() -> None:
    public = [getattr(hd.strategies, name) for name in hd.strategies.__all__]
    advisers = {each for each in public if isinstance(each, type) and hasattr(each, "tell")}
    known = {load(place) for place in (*STRATEGIES.values(), *STOPPERS.values())}
    assert advisers - {Given, Strategy, Stopper} <= known


def test_stoppers_are_combined(tmp_path: Path) -> None:
    text = """\
strategy: random_search
stopper:
  kind: any_of
  stoppers:
    - median
    - {kind: threshold, thresholds: {"10": 0.5}}
"""
    stopper = read(tmp_path, text).stopper
    assert isinstance(stopper, AnyOf)
    assert stopper.should_stop(Progress(TrialId("a"), 10, 0.25)) != ""
    assert "expected an integer as key, got 'ten'" in fault(tmp_path, text.replace('"10"', "ten"))
    assert "thresholds.10: expected a number" in fault(tmp_path, text.replace("0.5", "half"))
    assert "stoppers.0.kind: expected a known kind" in fault(tmp_path, text.replace("median", "modian"))


def test_the_keys_of_a_kind_are_its_classes_arguments(tmp_path: Path) -> None:
    text = "strategy: {kind: regularized_evolution, population_size: 8, sample_size: 4, crossover: 1}\n"
    strategy = read(tmp_path, text).strategy
    assert isinstance(strategy, RegularizedEvolution)
    assert (strategy.population_size, strategy.crossover, strategy.seed) == (8, 1.0, 7)


def test_a_strategy_may_have_a_seed_of_its_own(tmp_path: Path) -> None:
    """Else it has the experiment's."""
    first = read(tmp_path, "strategy: {kind: random_search, seed: 3}").strategy.ask()
    assert first == RandomSearch({"width": hd.space.Int(1, 64)}, seed=3).ask()


def test_a_kind_alone_is_enough(tmp_path: Path) -> None:
    assert isinstance(read(tmp_path, "strategy: random_search").strategy, RandomSearch)


def test_a_strategy_may_have_no_seed(tmp_path: Path) -> None:
    assert isinstance(read(tmp_path, "strategy: {kind: grid_search, num_values: 3}").strategy, GridSearch)


def test_a_strategy_wraps_another(tmp_path: Path) -> None:
    text = """\
strategy:
  kind: scratch_twins
  share: 1
  strategy:
    kind: fresh
    strategy: {kind: random_search, max_steps: 5}
"""
    strategy = read(tmp_path, text).strategy
    assert isinstance(strategy, ScratchTwins)
    assert isinstance(strategy._strategy, Fresh)
    proposal = strategy.ask()
    assert isinstance(proposal, Proposal)
    assert proposal.max_steps == 5


def test_a_halving_draws_from_the_sampler_that_is_named(tmp_path: Path) -> None:
    text = "strategy: {kind: asha, min_steps: 1, max_steps: 9, sampler: {kind: grid_search, num_values: 2}}"
    strategy = read(tmp_path, text).strategy
    assert isinstance(strategy, ASHA)
    proposals = [strategy.ask() for _ in range(2)]
    assert [p.parameters for p in proposals if isinstance(p, Proposal)] == [{"width": 1}, {"width": 64}]


def test_given_trials_may_be_wrapped_too(tmp_path: Path) -> None:
    text = "strategy: {kind: fresh, strategy: {kind: given, trials: {a: {parameters: {width: 3}}}}}"
    proposal = read(tmp_path, text).strategy.ask()
    assert isinstance(proposal, Proposal)
    assert proposal.trial_id == "a"


MINE = """
class Mine:
    def __init__(self, *, seed: int, names: tuple[str, ...], limits: tuple[int, int] = (0, 1)):
        self.settings = (seed, names, limits)
    def ask(self): ...
    def tell(self, result): ...
    def should_stop(self, progress): return ""
number = 3
"""


def test_a_class_of_the_users_own_is_named_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    text = "strategy: {kind: 'mine.py:Mine', names: [a, b], limits: [3, 4]}\n"
    text += "stopper: {kind: 'mine.py:Mine', names: []}"
    experiment = read(tmp_path, text)
    assert experiment.strategy.settings == (7, ("a", "b"), (3, 4))  # type: ignore[attr-defined]
    assert experiment.stopper.settings == (7, (), (0, 1))  # type: ignore[union-attr]


def test_objectives_and_what_becomes_of_orphans_are_read(tmp_path: Path) -> None:
    text = "objectives: {accuracy: maximize, latency: minimize}\non_parent_failure: reparent\n"
    experiment = read(tmp_path, text + "strategy: random_search")
    assert experiment.objectives == {"accuracy": "maximize", "latency": "minimize"}
    assert experiment.on_parent_failure == "reparent"


EVOLUTION = "strategy:\n  kind: regularized_evolution\n  population_size: 8\n  sample_size: 4\n"
FAULTS = {
    "unknown key": (EVOLUTION + "  populaton: 3", 11, "did you mean 'population_size'?"),
    "missing key": (EVOLUTION.replace("  population_size: 8\n", ""), 7, "population_size: missing"),
    "wrong type": (EVOLUTION.replace("8", "many"), 9, "population_size: expected an integer, got 'many'"),
    "a truth value for a number": (EVOLUTION.replace("8", "true"), 9, "expected an integer, got True"),
    "optional": (EVOLUTION + "  max_steps: few", 11, "max_steps: expected an integer, got 'few'"),
    "refused by the class": (EVOLUTION.replace("4", "9"), 10, "expected 1 to population_size = 8"),
    "unknown kind": ("strategy: {kind: random}", 7, "got 'random'; did you mean 'random_search'?"),
    "no kind": ("strategy: {seed: 3}", 7, "strategy.kind: missing"),
    "no mapping": ("strategy: 3", 7, "expected a mapping, such as {kind: random_search}, got 3"),
    "unknown kind inside": ("strategy:\n  kind: fresh\n  strategy: {kind: asah}", 9, "did you mean 'asha'?"),
    "unknown kind of sampler": (
        "strategy: {kind: asha, min_steps: 1, max_steps: 9,\n  sampler: evolution}", 8, "expected a known",
    ),
    "one of some words": (
        "strategy: {kind: scratch_twins, strategy: random_search,\n  steps: all}", 8, "of own, cumulative",
    ),
    "unknown kind of stopper": ("strategy: random_search\nstopper: medium", 8, "expected a known kind"),
    "no such file": ("strategy: {kind: 'mine.py:Mine'}", 7, "there is no file"),
    "a space inside": ("strategy: {kind: random_search, space: {}}", 7, "stands at the top of the file"),
    "unknown direction": ("strategy: random_search\nobjectives: {a: up}", 8, "'maximize' or 'minimize'"),
    "both directions": (
        "strategy: random_search\ndirection: minimize\nobjectives: {a: minimize}", 1, "got both",
    ),
    "unknown mourning": ("strategy: random_search\non_parent_failure: cry", 8, "got 'cry'"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_named_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    told = fault(tmp_path, text)
    assert message in told
    assert f"experiment.yml:{line}: " in told


def test_a_strategy_without_the_space_that_it_needs_is_told_so(tmp_path: Path) -> None:
    head = HEAD.partition("space:")[0]
    assert "random_search needs a 'space'" in fault(tmp_path, "strategy: random_search", head=head)


def test_a_class_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    assert "expected a class, got 3" in fault(tmp_path, "strategy: {kind: 'mine.py:number'}")


def test_a_list_of_another_length_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    text = "strategy: {kind: 'mine.py:Mine', names: [], limits: [1]}"
    assert "limits: expected a list of 2, got [1]" in fault(tmp_path, text)
    text = "strategy: {kind: 'mine.py:Mine', names: [a, 1]}"
    assert "names.1: expected a text, got 1" in fault(tmp_path, text)


def test_a_search_from_a_file_runs_and_goes_on(tmp_path: Path) -> None:
    """The strategy that is built anew proposes what the journal says."""
    (tmp_path / "train.py").write_text("def train(trial): return trial.parameters['width']\n")
    text = "max_trials: 6\nexecutor: inline\n" + EVOLUTION.replace("8", "3").replace("4", "2")
    experiment = read(tmp_path, text)
    experiment.directory = tmp_path / "run"
    first = experiment.run()
    again = read(tmp_path, text)
    again.directory = tmp_path / "run"
    assert again.resume().trials == first.trials
    assert isinstance(again.strategy, RegularizedEvolution)


def test_the_documentation_names_every_kind() -> None:
    text = (Path(__file__).parents[2] / "docs/experiment-file.md").read_text("utf-8")
    assert [kind for kind in (*STRATEGIES, *STOPPERS) if f"`{kind}`" not in text] == []


def test_a_strategy_whose_settings_have_settings(tmp_path: Path) -> None:
    text = """\
strategy:
  kind: network_morphism
  edits: {growing: [width], strict: true}
  climb: {steps: 10, num_rounds: 2}
"""
    proposal = read(tmp_path, text).strategy.ask()
    assert isinstance(proposal, Proposal)
    assert proposal.max_steps == 10
    assert "climb.num_rounds: expected an integer" in fault(tmp_path, text.replace("2}", "few}"))
    assert "edits.growing: expected a list, got 'width'" in fault(tmp_path, text.replace("[width]", "width"))
    assert "'depth' is not in the space" in fault(tmp_path, text.replace("[width]", "[depth]"))
