"""The strategy `given` from a file: trials by name, with hyperparameters that they share."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from heredity.engine.files.checked import Strict, checked, located
from heredity.engine.files.signatures import Place
from heredity.engine.files.yaml_source import YamlSource
from heredity.engine.trials import plain_parameters
from heredity.errors import ConfigError
from heredity.ids import TrialId, parse_trial_id
from heredity.space import Space
from heredity.strategies import Given, GivenTrial


def _listed(value: Any) -> Any:  # noqa: ANN401  # whatever stands in the file
    """`parents: father` is short for `parents: [father]`."""
    return [value] if isinstance(value, str) else value


class _TrialEntry(Strict):
    parents: Annotated[list[str], BeforeValidator(_listed)] = Field(default=[])
    parameters: dict[str, Any] = Field(default={})


class _Settings(Strict):
    kind: Literal["given"]
    scratch_twins: bool = False
    parameters: dict[str, Any] = Field(default={})
    trials: Annotated[dict[str, _TrialEntry], Field(min_length=1)]


def given_strategy(
    settings: Mapping[str, object], *, source: YamlSource, place: Place, space: Space | None
) -> Given:
    """Make the strategy of the trials that are listed at a place of the file.

    Raises:
        ConfigError: A trial is wrong; the message has its line.
    """
    reader = _Reader(checked(_Settings, settings, source=source, place=place), source, place, space)
    trials = [reader.trial(name) for name in reader.settings.trials]
    with located(source, (*place, "trials")):
        return Given(trials)


class _Reader:
    def __init__(self, settings: _Settings, source: YamlSource, place: Place, space: Space | None) -> None:
        self.settings = settings
        self._source = source
        self._place = place
        self._space = space

    def trial(self, name: str) -> GivenTrial:
        place = (*self._place, "trials", name)
        entry = self.settings.trials[name]
        parameters = {**self.settings.parameters, **entry.parameters}
        with located(self._source, place):
            trial_id = parse_trial_id(name)
            if self.settings.scratch_twins and entry.parents:
                parse_trial_id(f"{name}.scratch")
        with located(self._source, (*place, "parents")):
            parents = tuple(self._parent(parent) for parent in entry.parents)
            if len(set(parents)) < len(parents):
                raise ConfigError("a parent is named twice.", hint="Name each parent once.")
        problems = self._space.problems(parameters) if self._space is not None else []
        with located(self._source, place):
            plain_parameters(parameters)
        if problems:
            line = self._source.line_of(self._place_of(problems[0].partition(":")[0], place))
            raise ConfigError(f"{self._source.path}:{line}: trial {name!r}: {'; '.join(problems)}.")
        return GivenTrial(trial_id, parameters, parents, scratch_twin=self.settings.scratch_twins)

    def _place_of(self, parameter: str, place: Place) -> Place:
        """Where a trial's parameter stands: with the trial, or among those of all trials."""
        shared = (*self._place, "parameters", parameter)
        own = (*place, "parameters", parameter)
        return shared if shared in self._source.lines and own not in self._source.lines else own

    def _parent(self, parent: str) -> TrialId:
        trials = self.settings.trials
        if parent not in trials:
            near = difflib.get_close_matches(parent, trials, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"The trials are {', '.join(trials)}."
            raise ConfigError(f"the parent {parent!r} is no trial.", hint=hint)
        return parse_trial_id(parent)
