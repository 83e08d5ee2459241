"""An experiment from Python: a trial function, a strategy, a store; run it, or go on with it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from heredity.engine.directory import (
    JOURNAL_NAME,
    Source,
    experiment_id,
    holds_anything_else,
    keep_source,
    next_directory,
)
from heredity.engine.driving.advisers import Advisers
from heredity.engine.driving.interrupts import counted_interrupts
from heredity.engine.driving.loop import Loop, Observer, Surroundings
from heredity.engine.driving.proposing import catch_up
from heredity.engine.driving.shelf import Shelf
from heredity.engine.driving.watchdog import Watchdog
from heredity.engine.executors import (
    Executor,
    ExecutorName,
    ExecutorSettings,
    Resources,
    executor_named,
)
from heredity.engine.function import FunctionReference, HeldFunction, reference_of
from heredity.engine.lifeline import IS_WORKER
from heredity.engine.programs import Program
from heredity.engine.trials import Emit, Trial
from heredity.errors import ConfigError
from heredity.experiment import ExperimentState, ParentFailure
from heredity.experiment import events as happened
from heredity.ids import parse_experiment_id
from heredity.journal import Journal, read_state
from heredity.mirrors import Mirroring, MirrorOutcome, MirrorSettings, settings_of
from heredity.mirrors.mirroring import mirrored
from heredity.notebooks import experiment_html
from heredity.store import open_store
from heredity.strategies import Stopper, Strategy

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much an experiment may use."""

    concurrency: int
    """Trials at a time."""
    max_trials: int | None = None
    """None: until the strategy is exhausted."""
    time_limit_seconds: float | None = None
    """For one attempt; after it, the trial has failed."""
    max_retries: int = 2
    """How often a trial is started again that was lost by no fault of its own."""
    retry_delay_seconds: float = 1.0
    """How long it rests before that, and twice as long after each further loss; others have its slot."""
    min_coverage: float = 0.01
    """Share of a child's parameters that must come from its parent; with less, the trial fails."""

    def __post_init__(self) -> None:
        problems = [
            (self.concurrency < 1, f"concurrency: expected at least 1, got {self.concurrency}"),
            (self.max_retries < 0, f"max_retries: expected 0 or more, got {self.max_retries}"),
            (
                not 0 <= self.retry_delay_seconds < math.inf,
                f"retry_delay_seconds: expected 0 or more, got {self.retry_delay_seconds}",
            ),
            (not 0 <= self.min_coverage <= 1, f"min_coverage: expected 0 to 1, got {self.min_coverage}"),
        ]
        for is_wrong, problem in problems:
            if is_wrong:
                raise ConfigError(f"{problem}.")


@dataclass(kw_only=True)
class Experiment:
    """One search: which function, which strategy, where.

    Example:
        >>> import heredity as hd
        >>> def train(trial: hd.Trial) -> float:
        ...     return trial.parameters["x"] ** 2
        >>> trials = [hd.strategies.GivenTrial("first", {"x": 3})]
        >>> experiment = hd.Experiment(
        ...     train=train,
        ...     name="squares",
        ...     strategy=hd.strategies.Given(trials),
        ...     seed=0,
        ...     budget=hd.Budget(concurrency=1),
        ...     executor="inline",
        ...     store="memory://squares",
        ... )
        >>> experiment.run().trials["first"].score
        9.0
    """

    train: Callable[[Trial], object] | FunctionReference | Program
    """What a trial does: a function that takes it, or a program."""
    name: str
    strategy: Strategy
    seed: int
    budget: Budget
    directory: Path | str | None = None
    """Where the journal and the logs go; by default ``runs/<name>/<number>``, with the next free number."""
    store: str | None = None
    """By default ``store`` below the directory."""
    executor: ExecutorName = "processes"
    resources: Resources = field(default_factory=Resources)
    """What each attempt gets of its machine, and may not exceed."""
    ray_address: str | None = None
    """For executor ``ray``: a cluster's address, such as ``auto`` or ``ray://host:10001``, or ``local``. By
    default the cluster that Ray finds, else one on this machine for as long as the experiment runs."""
    direction: Direction = "maximize"
    """Whether a higher or a lower score is better."""
    objectives: Mapping[str, Direction] | None = None
    """Several objectives, by name; the first one is the score, and the trial function returns a mapping with
    all of them. Instead of `direction`."""
    stopper: Stopper | None = None
    """Finds trials that are not worth going on with."""
    on_parent_failure: Literal["fail", "reparent", "release"] = "fail"
    """What becomes of the children of a parent that fails: they fail too, take its own parents instead, or
    do without."""
    observers: list[Observer] = field(default_factory=list)
    mirrors: Sequence[str | MirrorSettings] = ()
    """Where results are shown besides: ``csv``, ``tensorboard`` …, or settings of `heredity.mirrors`."""
    mirror_outcomes: list[MirrorOutcome] = field(default_factory=list, init=False)
    """What became of each mirror, once `run` or `resume` has returned."""
    _mirrorings: list[Mirroring] = field(default_factory=list, init=False, repr=False)
    source: Source | None = None
    """The file that it was read from; a copy is written beside the journal for `heredity resume`."""

    def run(self) -> ExperimentState:
        """Run all trials and return how they ended. Ctrl-C ends in order, twice at once.

        Raises:
            ConfigError: A setting is wrong, the directory holds a journal already, or the trial function
                cannot be loaded; no trial was started.
        """
        parse_experiment_id(self.name)
        _refuse_unknown("executor", self.executor, get_args(ExecutorName))
        _refuse_unknown("direction", self.direction, get_args(Direction))
        _refuse_unknown(
            "on_parent_failure", self.on_parent_failure, tuple(each.value for each in ParentFailure)
        )
        self._refuse_objectives()
        for mirror in self.mirrors:
            settings_of(mirror)
        _refuse_in_worker()
        executor = self._executor()
        with _opened(executor, _refuse_early) as relay:
            directory = self._prepare()
            started = self._started(experiment_id(self.name, directory))
            self._refuse_taken_name(started.experiment, directory)
            executor.reach(store_url=self.store_url(), directory=str(directory))
            if self.source is not None:
                keep_source(self.source, directory, store=self.store)
            with Journal.create(directory / JOURNAL_NAME, started) as journal, Watchdog() as watchdog:
                state = ExperimentState(started, trials=Shelf())
                advisers = Advisers(self.strategy, self.stopper, watchdog)
                self._drive(state, self._loop(state, journal, advisers, executor), relay)
                return state

    def resume(self) -> ExperimentState:
        """Go on with an experiment whose driver has ended, from its journal.

        Raises:
            ConfigError: There is no journal in the directory.
            ExperimentBusy: Its driver still lives.
            CorruptJournal: The journal is damaged.
            InputError: The strategy no longer proposes what it did.
        """
        if self.directory is None:
            raise ConfigError("resume: expected the experiment's directory, got none.")
        directory = self.directory = Path(self.directory).resolve()
        executor = self._executor()
        with (
            Journal.open_for_append(directory / JOURNAL_NAME) as journal,
            _opened(executor, _refuse_early) as relay,
            Watchdog() as watchdog,
        ):
            advisers = Advisers(self.strategy, self.stopper, watchdog)
            executor.reach(store_url=self.store_url(), directory=str(directory))
            state = read_state(
                directory / JOURNAL_NAME,
                take=lambda state, event: catch_up(state, advisers, event),
                trials=Shelf(),
            )
            loop = self._loop(state, journal, advisers, executor)
            loop.record(happened.ExperimentResumed(at=time.time()))
            self._drive(state, loop, relay)
            return state

    def _repr_html_(self) -> str:
        journal = None if self.directory is None else Path(self.directory) / JOURNAL_NAME
        has_begun = journal is not None and journal.is_file()
        trials = list(read_state(journal).trials.values()) if journal and has_begun else []
        return experiment_html(self.name, trials, place=str(self.directory) if has_begun else "")

    # --- preparation ---------------------------------------------------------------------------------------

    def _prepare(self) -> Path:
        if self.store is not None:
            open_store(self.store)  # a place that is no store is refused before anything is made
        if self.directory is None:
            self.directory = next_directory(Path("runs"), self.name)
        directory = self.directory = Path(self.directory).resolve()
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"directory {directory}: cannot be made: {error.strerror}.") from error
        if (directory / JOURNAL_NAME).exists():
            raise ConfigError(
                f"{directory} holds an experiment already.",
                hint="Go on with `heredity resume`, or choose another directory.",
            )
        if holds_anything_else(directory):
            raise ConfigError(
                f"{directory} is not empty; an experiment needs a directory of its own.",
                hint="Choose another one.",
            )
        return directory

    def store_url(self) -> str:
        """Where the weights go: a directory, or a URL."""
        if self.store is not None:
            # Absolute: trials may run in another folder.
            return self.store if "://" in self.store else str(Path(self.store).expanduser().absolute())
        return str(Path(self.directory or ".").resolve() / "store")

    @property
    def _train(self) -> Callable[[Trial], object] | FunctionReference:
        return self.train.reference() if isinstance(self.train, Program) else self.train

    def _executor(self) -> Executor:
        is_inline = self.executor == "inline"
        if self.store_url().startswith("memory://") and not is_inline:
            raise ConfigError(
                f"store {self.store_url()!r} lives in one process; executor {self.executor!r} needs one that "
                "other processes reach.",
                hint="Name a directory or a bucket, or use executor 'inline'.",
            )
        settings = ExecutorSettings(
            concurrency=self.budget.concurrency,
            time_limit_seconds=self.budget.time_limit_seconds,
            resources=self.resources,
            ray_address=self.ray_address,
        )
        return executor_named(self.executor, self._function(is_inline=is_inline), settings)

    def _function(self, *, is_inline: bool) -> FunctionReference | HeldFunction:
        train = self._train
        if isinstance(train, FunctionReference):
            return train
        return HeldFunction(train) if is_inline else reference_of(train)

    def _refuse_taken_name(self, experiment: str, directory: Path) -> None:
        """Open the store before the first trial, and see that nobody else's checkpoints have our names."""
        taken = open_store(self.store_url()).checkpoints(prefix=f"{experiment}/")
        if taken:
            if not any(directory.iterdir()):
                directory.rmdir()
            raise ConfigError(
                f"store {self.store_url()} holds checkpoints of an experiment named {experiment!r} already, "
                f"such as {taken[0].key!r}.",
                hint="Give this one another name or another store.",
            )

    def _started(self, experiment: str) -> happened.ExperimentStarted:
        return happened.ExperimentStarted(
            at=time.time(),
            format=happened.FORMAT_VERSION,
            experiment=experiment,
            seed=self.seed,
            concurrency=self.budget.concurrency,
            max_trials=self.budget.max_trials,
            max_retries=self.budget.max_retries,
            retry_delay_seconds=self.budget.retry_delay_seconds,
            direction=self._all_objectives[0][1],
            objective=self._all_objectives[0][0],
            further_objectives=dict(self._all_objectives[1:]),
            on_parent_failure=self.on_parent_failure,
        )

    @property
    def _all_objectives(self) -> list[tuple[str, Direction]]:
        return list(self.objectives.items()) if self.objectives else [("score", self.direction)]

    def _refuse_objectives(self) -> None:
        for name, direction in self._all_objectives:
            _refuse_unknown(f"objectives: {name}", direction, get_args(Direction))

    # --- the drive -----------------------------------------------------------------------------------------

    def _loop(self, state: ExperimentState, journal: Journal, advisers: Advisers, executor: Executor) -> Loop:
        return Loop(
            state=state,
            journal=journal,
            advisers=advisers,
            executor=executor,
            surroundings=Surroundings(str(self.directory), self.store_url(), self.budget.min_coverage),
            observer=self._observe,
        )

    def _drive(self, state: ExperimentState, loop: Loop, relay: _Relay) -> None:
        relay.target = loop.record
        self.mirror_outcomes.clear()
        with (
            mirrored(
                self.mirrors, state, directory=Path(str(self.directory)), outcomes=self.mirror_outcomes
            ) as self._mirrorings,
            counted_interrupts() as num_interrupts,
        ):
            loop.run(num_interrupts)

    def _observe(self, state: ExperimentState, event: happened.Event | None) -> None:
        observers: list[Observer] = [*self.observers, *self._mirrorings]
        for observer in observers:
            observer(state, event)


def _refuse_unknown(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"{what}: expected one of {', '.join(known)}, got {value!r}.")


def _refuse_early(event: happened.AttemptEvent) -> bool:
    raise AssertionError(f"an event before the first trial: {event}")


def _refuse_in_worker() -> None:
    if IS_WORKER:
        raise ConfigError(
            "The file that holds the trial function begins an experiment while a worker imports it.",
            hint='Put that part under `if __name__ == "__main__":`.',
        )


class _Relay:
    """Passes a worker's events on to the loop, which exists only after the executor is open."""

    def __init__(self, target: Emit) -> None:
        self.target = target

    def __call__(self, event: happened.AttemptEvent) -> bool:
        return self.target(event)


@contextmanager
def _opened(executor: Executor, target: Emit) -> Iterator[_Relay]:
    relay = _Relay(target)
    try:
        executor.open(relay)
        yield relay
    finally:
        executor.close()
