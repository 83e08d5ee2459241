"""The only file that imports Optuna: a study in memory, asked for points of a space and told their merits."""

from __future__ import annotations

import importlib.util
import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import optuna

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space import Choice, Float, Int, Parameters, Scalar, Space

SamplerMaker = Callable[[int], optuna.samplers.BaseSampler]
"""Makes a sampler of Optuna's from a seed, which it has to use."""

_NAMED: Mapping[str, SamplerMaker] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, constant_liar=True),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False),
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
    "nsga3": lambda seed: optuna.samplers.NSGAIIISampler(seed=seed),
    "qmc": lambda seed: optuna.samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}
_NEEDS = {"gp": "scipy", "cmaes": "cmaes", "qmc": "scipy"}
_FOR_ONE_OBJECTIVE = ("cmaes",)


class OptunaStudy:
    """A study whose objectives are all maximized; its trials are known by their numbers.

    Optuna's messages and warnings are held back while it works, and only then.

    Raises:
        ConfigError: There is no such sampler, it cannot have several objectives, or what it needs is not
            installed.
    """

    def __init__(self, sampler: str | SamplerMaker, *, seed: int, num_objectives: int) -> None:
        make = _named(sampler, num_objectives) if isinstance(sampler, str) else sampler
        with _quiet():
            self._study = optuna.create_study(
                sampler=make(_seed_for_numpy(seed)),
                directions=["maximize"] * num_objectives,
            )
        self._running: dict[int, optuna.Trial] = {}

    def ask(self, space: Space) -> tuple[int, dict[str, Json]]:
        """Let the sampler choose a point; constraints may not hold there.

        Returns:
            The number of the new trial, and the point.
        """
        with _quiet():
            trial = self._study.ask()
            point = space.compose(lambda path, dimension: _suggested(trial, path, dimension))
        self._running[trial.number] = trial
        return trial.number, point

    def add(self, space: Space, point: Parameters) -> tuple[int, dict[str, Json]]:
        """Begin a trial at a point that was chosen elsewhere.

        Returns:
            The number of the new trial, and the point as Optuna has it: the same up to rounding.
        """
        known = {leaf.path: _told(leaf.dimension, leaf.value) for leaf in space.leaves(point)}
        with _quiet():
            self._study.enqueue_trial(known)
        return self.ask(space)

    def complete(self, number: int, values: Sequence[float]) -> None:
        """Tell how a trial ended: by its objectives, of which more is better."""
        with _quiet():
            self._study.tell(self._running.pop(number), list(values))

    def stop(self, number: int, value: float, *, step: int) -> None:
        """Tell that a trial was stopped early, after so many steps; Optuna says pruned."""
        trial = self._running.pop(number)
        with _quiet():
            trial.report(value, step)
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)

    def fail(self, number: int) -> None:
        """Tell that a trial came to nothing."""
        with _quiet():
            self._study.tell(self._running.pop(number), state=optuna.trial.TrialState.FAIL)


def _seed_for_numpy(seed: int) -> int:
    """Optuna's samplers seed numpy's RandomState, which takes 32 bits."""
    return seed if 0 <= seed < 2**32 else random.Random(str(seed)).getrandbits(32)  # noqa: S311  # no secret


def _suggested(trial: optuna.Trial, path: str, dimension: Scalar) -> Json:
    """Let Optuna choose a value; it knows the scale of numbers, and the order of choices."""
    match dimension:
        case Choice(ordered=True):
            return dimension.values[trial.suggest_int(path, 0, len(dimension.values) - 1)]
        case Choice():
            return dimension.values[trial.suggest_categorical(path, range(len(dimension.values)))]
        case Int() if not (dimension.log and dimension.step > 1):
            last = dimension.low + dimension.step * (dimension.size - 1)
            return trial.suggest_int(path, dimension.low, last, step=dimension.step, log=dimension.log)
        case Float() if not (dimension.log and dimension.step is not None):
            top = cast("float", dimension.from_unit(1.0))
            return dimension.canonical(
                trial.suggest_float(path, float(dimension.low), top, step=dimension.step, log=dimension.log)
            )
        case _:
            return dimension.from_unit(trial.suggest_float(path, 0.0, 1.0))


def _told(dimension: Scalar, value: Json) -> Json:
    """What Optuna must choose so that `_suggested` gives this value."""
    match dimension:
        case Choice():
            return int(dimension.to_unit(value) * len(dimension.values))
        case Int() if not (dimension.log and dimension.step > 1):
            return value
        case Float() if not (dimension.log and dimension.step is not None):
            return value
        case _:
            return dimension.to_unit(value)


def _named(sampler: str, num_objectives: int) -> SamplerMaker:
    if sampler not in _NAMED:
        raise ConfigError(
            f"OptunaSampler: sampler: expected one of {', '.join(_NAMED)}, got {sampler!r}.",
            hint="Any other sampler of Optuna's can be given as a function of its seed.",
        )
    if sampler in _FOR_ONE_OBJECTIVE and num_objectives > 1:
        raise ConfigError(
            f"OptunaSampler: {sampler} is for one objective, got {num_objectives}.",
            hint="Take 'nsga2', 'nsga3', 'tpe' or 'gp'.",
        )
    needed = _NEEDS.get(sampler)
    if needed is not None and importlib.util.find_spec(needed) is None:
        raise ConfigError(
            f"OptunaSampler: {sampler} needs the package {needed}, which is not installed.",
            hint="Install it: pip install 'heredity[optuna]'.",
        )
    return _NAMED[sampler]


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what Optuna would say to somebody who called it himself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            yield
        finally:
            optuna.logging.set_verbosity(verbosity)
