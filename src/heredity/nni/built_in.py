"""NNI's built-in tuners and assessors: which of our strategies and stoppers do the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from heredity.encoding import Json
from heredity.engine.files.advisers import AdviserReader
from heredity.nni.population import WithoutSteps, with_steps_between_choices
from heredity.nni.reading import ClassSpec, NniFile
from heredity.space import Space, read_nni_space
from heredity.strategies import Stopper, Strategy

Arguments = dict[str, Any]
"""The arguments of a strategy's class."""

GRID_VALUES = 10
"""Of a range, since NNI's grid goes on for ever, finer and finer."""
HYPERBAND_R, HYPERBAND_ETA = 60, 3
POPULATION_SIZE, MIN_STEPS = 100, 0
MEMBERS, FRACTION, PERTURBATION, RESAMPLE = 10, 0.2, 0.2, 0.25
"""NNI's own defaults."""


def _none(_: Mapping[str, Json]) -> Arguments:
    return {}


def _evolution(given: Mapping[str, Json]) -> Arguments:
    size = given.get("population_size", POPULATION_SIZE)
    return {"population_size": size, "sample_size": 2}  # NNI holds tournaments of two


def _hyperband(given: Mapping[str, Json]) -> Arguments:
    steps, eta = given.get("R", HYPERBAND_R), given.get("eta", HYPERBAND_ETA)
    return {"max_steps": steps, "reduction": eta, "min_steps": 1}


def _population(given: Mapping[str, Json]) -> Arguments:
    factor = given.get("factor", PERTURBATION)
    return {
        "population_size": given.get("population_size", MEMBERS),
        "share": given.get("fraction", FRACTION),
        # What is no number is told by the strategy.
        "factors": [1 - factor, 1 + factor] if isinstance(factor, int | float) else factor,
        "resample": given.get("resample_probability", RESAMPLE),
        "interval_steps": 1,  # whatever the program trains in one trial
        "num_intervals": None,
        "synchronous": True,
    }


POPULATIONS = ("PBT", "PBTTuner")
FOLDERS = "load_checkpoint_dir, save_checkpoint_dir: folders of the attempt; files go through the store"
_TUNERS: Mapping[str, tuple[str, Callable[[Mapping[str, Json]], Arguments]]] = {
    "Evolution": ("regularized_evolution", _evolution),
    "GP": ("optuna_sampler", lambda _: {"sampler": "gp"}),
    "GPTuner": ("optuna_sampler", lambda _: {"sampler": "gp"}),
    "GridSearch": ("grid_search", lambda _: {"num_values": GRID_VALUES}),
    "Hyperband": ("hyperband", _hyperband),
    **dict.fromkeys(POPULATIONS, ("population_based", _population)),
    "Random": ("random_search", _none),
    "TPE": ("optuna_sampler", lambda _: {"sampler": "tpe"}),
}
"""By NNI's name: our kind, and its arguments from NNI's."""

_READ: Mapping[str, AbstractSet[str]] = {
    "Evolution": {"population_size"},
    "Hyperband": {"R", "eta"},
    **dict.fromkeys(
        POPULATIONS, frozenset({"population_size", "fraction", "factor", "resample_probability"})
    ),
}
_INSTEAD = "use TPE or GP, which learn from results too"
_WHY_NOT: Mapping[str, str] = {
    "NetworkMorphism": "it hands over no weights; use the strategy 'network_morphism', which does",
    "BOHB": "its model learns from the longest trainings of all brackets, and no sampler of ours does; the "
    "nearest is a strategy 'hyperband' with the sampler 'optuna_sampler', which learns from the shortest",
    "Batch": "use GridSearch, or a strategy 'given'",
    "BatchTuner": "use GridSearch, or a strategy 'given'",
    "RegularizedEvolutionTuner": "use Evolution, or a strategy 'regularized_evolution'",
    **dict.fromkeys(("Anneal", "SMAC", "MetisTuner", "Metis", "DNGOTuner", "DNGO", "PPOTuner"), _INSTEAD),
}
_NO_ASSESSOR: Mapping[str, str] = {
    "Curvefitting": "it extrapolates curves, which no stopper does; use Medianstop",
}


def strategy_of(file: NniFile, spec: ClassSpec, *, seed: int) -> Strategy:
    """Make the strategy that corresponds to a built-in tuner or advisor.

    Raises:
        ConfigError: There is none, or its space or an argument is wrong.
    """
    place = f"{spec.role}.name"
    if spec.name not in _TUNERS:
        why = _WHY_NOT.get(spec.name, "no strategy corresponds to it")
        raise file.fault(place, f"{spec.name!r} is not run: {why}; these are: {', '.join(_TUNERS)}")
    kind, arguments_of = _TUNERS[spec.name]
    arguments = arguments_of(spec.arguments)
    if spec.name == "Hyperband" and file.get("maxTrialNumber") is not None:
        arguments["num_rounds"] = None  # NNI begins its brackets again and again
    _note_arguments(file, spec, read=_READ.get(spec.name, set()) | {"optimize_mode"})
    file.notes.append(f"{file.fields[place][0]}: {spec.name}: runs as the strategy {kind!r}")
    space, is_population = _space(file), spec.name in POPULATIONS
    if is_population:
        file.notes.append(FOLDERS)
        space = with_steps_between_choices(space)
    strategy = _reader(file, seed=seed, space=space).strategy({"kind": kind, **arguments}, (spec.role,))
    return WithoutSteps(strategy) if is_population else strategy


def stopper_of(file: NniFile, spec: ClassSpec | None) -> Stopper | None:
    """Make the stopper that corresponds to a built-in assessor.

    Raises:
        ConfigError: There is none.
    """
    if spec is None:
        return None
    if spec.name != "Medianstop":
        why = _NO_ASSESSOR.get(spec.name, "no stopper corresponds to it")
        raise file.fault("assessor.name", f"{spec.name!r} is not run: {why}, or leave the assessor out")
    _note_arguments(file, spec, read={"start_step", "optimize_mode"})
    arguments = {"kind": "median", "min_steps": spec.arguments.get("start_step", MIN_STEPS)}
    return _reader(file, seed=0, space=None).stopper(arguments, ("assessor",))


def _reader(file: NniFile, *, seed: int, space: Space | None) -> AdviserReader:
    """What checks the arguments, and makes of them what an experiment file of ours would."""
    return AdviserReader(source=file.source, folder=file.folder, seed=seed, space=space)


def _note_arguments(file: NniFile, spec: ClassSpec, *, read: AbstractSet[str]) -> None:
    for name in spec.arguments.keys() - read:
        file.notes.append(f"{spec.role}.classArgs.{name}: ignored: {spec.name} has no such setting here")


def _space(file: NniFile) -> Space:
    name = "searchSpace" if file.get("searchSpace") is not None else "searchSpaceFile"
    space, faults = read_nni_space(file.search_space())
    if space is None:
        lines = [f"{'.'.join(map(str, fault.path))}: {fault.message}" for fault in faults]
        raise file.fault(name, "; ".join(lines))
    return space
