"""An experiment from a file: every fault is found, and named with its line, before anything starts."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from heredity.encoding import decode
from heredity.engine.directory import SNAPSHOT_NAME, SNAPSHOT_VERSION, Source
from heredity.engine.experiment import Budget, Experiment
from heredity.engine.files.yaml_source import YamlSource, parse_yaml, read_yaml
from heredity.engine.function import parse_function_reference
from heredity.engine.trials import plain_parameters
from heredity.errors import ConfigError, InputError
from heredity.ids import TrialId, parse_experiment_id, parse_trial_id
from heredity.space import Fault, Space, read_space
from heredity.strategies import Given, GivenTrial


class _UnknownKeyError(ValueError):
    """Carries the key through pydantic, which knows only where the mapping stands."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class _Strict(BaseModel):
    """No unknown keys, no conversion between types; an unknown key is told its nearest neighbour."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_keys(cls, value: Any) -> Any:  # noqa: ANN401  # whatever stands in the file
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in value if isinstance(value, Mapping) else ():
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                advice = f"did you mean {near[0]!r}?" if near else f"known keys are {', '.join(known)}"
                raise _UnknownKeyError(key, f"unknown key {key!r}; {advice}")
        return value


def _listed(value: Any) -> Any:  # noqa: ANN401  # whatever stands in the file
    """`parents: father` is short for `parents: [father]`."""
    return [value] if isinstance(value, str) else value


def _fraction(value: Any) -> Any:  # noqa: ANN401  # whatever stands in the file
    """An integer is accepted where a float is expected."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


Number = Annotated[float, BeforeValidator(_fraction)]


class _TrialEntry(_Strict):
    parents: Annotated[list[str], BeforeValidator(_listed)] = []
    parameters: dict[str, Any] = {}


class _GivenSettings(_Strict):
    kind: Literal["given"]
    scratch_twins: bool = False
    parameters: dict[str, Any] = {}
    trials: Annotated[dict[str, _TrialEntry], Field(min_length=1)]


class _ExperimentFile(_Strict):
    name: str
    function: str
    seed: int
    concurrency: Annotated[int, Field(ge=1)]
    executor: Literal["processes", "inline"] = "processes"
    store: str | None = None
    max_trials: Annotated[int, Field(ge=1)] | None = None
    time_limit_seconds: Annotated[Number, Field(gt=0)] | None = None
    max_retries: Annotated[int, Field(ge=0)] = 2
    min_coverage: Annotated[Number, Field(ge=0, le=1)] = 0.01
    space: dict[str, Any] = {}
    direction: Literal["maximize", "minimize"] = "maximize"
    strategy: _GivenSettings


def load_experiment(path: Path) -> Experiment:
    """Read an experiment file; check all that can be checked without running anything.

    Raises:
        ConfigError: Something is wrong. The message holds one line a fault: file, line, what was expected,
            what came, and the nearest valid key.
    """
    source = read_yaml(path)
    folder = path.resolve().parent
    experiment = _experiment(source, folder)
    experiment.source = Source(folder, source.text)
    return experiment


def load_snapshot(directory: Path) -> Experiment:
    """Read back the experiment that runs in a directory.

    Raises:
        ConfigError: The directory holds no experiment that was begun from a file.
    """
    path = directory / SNAPSHOT_NAME
    try:
        snapshot = decode(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}.",
            hint="`heredity resume` takes the directory of an experiment that `heredity run` began; "
            "one that was begun from Python goes on by `Experiment.resume()`.",
        ) from error
    except ValueError as error:
        raise ConfigError(f"{path}: damaged: {error}.") from error
    match snapshot:
        case {"version": 1, "folder": str(folder), "text": str(text)}:
            experiment = _experiment(parse_yaml(text, path), Path(directory, folder))
        case _:
            raise ConfigError(f"{path}: expected a snapshot of version {SNAPSHOT_VERSION}.")
    experiment.directory = directory
    return experiment


def _experiment(source: YamlSource, folder: Path) -> Experiment:
    try:
        file = _ExperimentFile.model_validate(source.value)
    except ValidationError as error:
        problems = [_problem(source, details) for details in error.errors(include_url=False)]
        raise ConfigError("\n".join(problems)) from error
    with _located(source, ("name",)):
        name = parse_experiment_id(file.name)
    with _located(source, ("function",)):
        function = parse_function_reference(file.function, folder=folder)
    return Experiment(
        train=function,
        name=name,
        strategy=_strategy(file, source),
        seed=file.seed,
        budget=Budget(
            concurrency=file.concurrency,
            max_trials=file.max_trials,
            time_limit_seconds=file.time_limit_seconds,
            max_retries=file.max_retries,
            min_coverage=file.min_coverage,
        ),
        store=_store_url(file.store, folder),
        executor=file.executor,
        direction=file.direction,
    )


def _store_url(store: str | None, folder: Path) -> str | None:
    if store is None or "://" in store:
        return store
    return str(folder / store)


def _space(file: _ExperimentFile, source: YamlSource) -> Space:
    space, faults = read_space(file.space)
    if space is None:
        placed = [Fault(("space", *fault.path), fault.message) for fault in faults]
        lines = [f"{source.path}:{source.line_of(fault.path)}: {fault}" for fault in placed]
        raise ConfigError("\n".join(lines))
    return space


def _strategy(file: _ExperimentFile, source: YamlSource) -> Given:
    space = _space(file, source) if file.space else None
    trials = [_given_trial(file, source, name, space) for name in file.strategy.trials]
    with _located(source, ("strategy", "trials")):
        return Given(trials)


def _given_trial(file: _ExperimentFile, source: YamlSource, name: str, space: Space | None) -> GivenTrial:
    location = ("strategy", "trials", name)
    entry = file.strategy.trials[name]
    parameters = {**file.strategy.parameters, **entry.parameters}
    with _located(source, location):
        trial_id = parse_trial_id(name)
        if file.strategy.scratch_twins and entry.parents:
            parse_trial_id(f"{name}.scratch")
    with _located(source, (*location, "parents")):
        parents = tuple(_known_parent(parent, file.strategy.trials) for parent in entry.parents)
        if len(set(parents)) < len(parents):
            raise ConfigError("a parent is named twice.", hint="Name each parent once.")
    problems = space.problems(parameters) if space is not None else []
    with _located(source, location):
        plain_parameters(parameters)
    if problems:
        where = _place_of(problems[0].partition(":")[0], location, source)
        raise ConfigError(f"{source.path}:{source.line_of(where)}: trial {name!r}: {'; '.join(problems)}.")
    return GivenTrial(trial_id, parameters, parents, scratch_twin=file.strategy.scratch_twins)


def _place_of(parameter: str, location: tuple[str | int, ...], source: YamlSource) -> tuple[str | int, ...]:
    """Where a trial's parameter stands: with the trial, or among those of all trials."""
    shared = ("strategy", "parameters", parameter)
    own = (*location, "parameters", parameter)
    return shared if shared in source.lines and own not in source.lines else own


def _known_parent(parent: str, trials: Mapping[str, _TrialEntry]) -> TrialId:
    if parent not in trials:
        near = difflib.get_close_matches(parent, trials, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"The trials are {', '.join(trials)}."
        raise ConfigError(f"the parent {parent!r} is no trial.", hint=hint)
    return parse_trial_id(parent)


@contextmanager
def _located(source: YamlSource, location: tuple[str | int, ...]) -> Iterator[None]:
    """Put the file and the line in front of what is wrong."""
    try:
        yield
    except InputError as error:
        where = f"{source.path}:{source.line_of(location)}"
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from error


_EXPECTATIONS = {
    "model_type": "expected a mapping, such as {}",
    "dict_type": "expected a mapping, such as {}",
    "string_type": "expected a text",
    "int_type": "expected an integer",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
    "list_type": "expected a list",
    "too_short": "expected at least one entry",
}


def _expectation(details: Mapping[str, Any]) -> str:
    """What was expected, in the words of a file's author instead of pydantic's."""
    known = _EXPECTATIONS.get(details["type"])
    return known if known is not None else str(details["msg"]).replace("Input should be", "expected")


def _problem(source: YamlSource, details: Mapping[str, Any]) -> str:
    location = details["loc"]
    error = details.get("ctx", {}).get("error")
    if isinstance(error, _UnknownKeyError):
        location = (*location, error.key)
    if isinstance(error, ValueError):  # one of ours: it says all
        message = str(error)
    elif details["type"] == "missing":
        message = "missing"
    else:
        message = f"{_expectation(details)}, got {details['input']!r:.60}"
    dotted = ".".join(str(part) for part in location)
    return f"{source.path}:{source.line_of(location)}: {dotted}: {message}."
