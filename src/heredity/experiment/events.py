"""What has happened in an experiment. The journal is a list of these; replaying it rebuilds the state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar, get_args

from heredity.encoding import Json
from heredity.errors import CorruptJournal, UnsupportedFormat
from heredity.ids import CheckpointKey, TrialId, parse_checkpoint_key, parse_trial_id

FORMAT_VERSION = 1
"""Version of the journal's format, written into its first line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentStarted:
    """The first event of every journal: the rules that hold for all later ones."""

    at: float
    format: int
    experiment: str
    seed: int
    concurrency: int
    max_trials: int | None
    max_retries: int
    direction: str
    """``maximize`` or ``minimize``: which scores are better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResumed:
    """A new driver took over; nothing of the old one runs any more."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentInterrupted:
    """The driver was told to end in order; the experiment can be resumed."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyExhausted:
    """The strategy will propose nothing more."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialProposed:
    """The strategy proposed a trial; its parents may be unfinished."""

    at: float
    trial: TrialId
    parameters: Mapping[str, Json]
    parents: tuple[TrialId, ...]
    twin_of: TrialId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStarted:
    """An attempt at the trial began."""

    at: float
    trial: TrialId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialInherited:
    """The trial took over weights: from which checkpoint, with which certificate."""

    at: float
    trial: TrialId
    attempt: int
    inheritance: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReported:
    """The trial reported a value after so many of its own steps."""

    at: float
    trial: TrialId
    attempt: int
    step: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSaved:
    """The trial's checkpoint is in the store, whole."""

    at: float
    trial: TrialId
    attempt: int
    key: CheckpointKey


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCompleted:
    """The trial function returned its score (None: it has none)."""

    at: float
    trial: TrialId
    attempt: int
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStoppedEarly:
    """The trial ended before its time because it was told to; its last report is its score."""

    at: float
    trial: TrialId
    attempt: int
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFailed:
    """The trial crashed, hung or was killed; `error` holds the reason and the traceback."""

    at: float
    trial: TrialId
    attempt: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLost:
    """The attempt vanished by no fault of the trial: its machine, or the driver's end."""

    at: float
    trial: TrialId
    attempt: int
    reason: str
    counts: bool
    """Whether this loss uses up one of the trial's retries; an interrupt by the user does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateEventRefused:
    """An attempt that is no longer the current one did something; nothing was changed by it."""

    at: float
    trial: TrialId
    attempt: int
    what: str


AttemptEvent = (
    TrialInherited
    | TrialReported
    | CheckpointSaved
    | TrialCompleted
    | TrialStoppedEarly
    | TrialFailed
    | TrialLost
)
"""Events of one attempt, which are refused once the attempt is not the current one."""

Event = (
    ExperimentStarted
    | ExperimentResumed
    | ExperimentInterrupted
    | StrategyExhausted
    | TrialProposed
    | TrialStarted
    | LateEventRefused
    | AttemptEvent
)

_BY_NAME: Mapping[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}


def event_to_json(event: Event) -> dict[str, Json]:
    """Turn an event into a JSON object with the event's name under ``event``."""
    return {"event": type(event).__name__} | {
        field.name: getattr(event, field.name) for field in fields(event)
    }


def event_from_json(value: Json) -> Event:
    """Turn a JSON object back into an event.

    Raises:
        CorruptJournal: It is no event: unknown name, missing or unknown fields, a value of another type.
        UnsupportedFormat: It begins a journal of a newer version, whatever fields that has.
    """
    if not isinstance(value, Mapping):
        raise CorruptJournal(f"expected an object, got {type(value).__name__}.")
    kind = _BY_NAME.get(str(value.get("event")))
    if kind is None:
        raise CorruptJournal(f"unknown event {value.get('event')!r}.")
    if kind is ExperimentStarted:
        refuse_newer_format(value.get("format"), experiment=value.get("experiment"))
    declared = {field.name: str(field.type) for field in fields(kind)}
    if declared.keys() != value.keys() - {"event"}:
        got = sorted(value.keys() - {"event"})
        raise CorruptJournal(f"{kind.__name__}: expected the fields {sorted(declared)}, got {got}.")
    try:
        return kind(**{name: _READERS[form](value[name]) for name, form in declared.items()})
    except (OverflowError, TypeError, ValueError) as error:
        raise CorruptJournal(f"{kind.__name__}: {error}") from error


def refuse_newer_format(version: Json, *, experiment: Json) -> None:
    """Check the version of a journal before anything else of it is looked at.

    Raises:
        UnsupportedFormat: This version of the package cannot read it.
    """
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise UnsupportedFormat(
            f"The journal of experiment {experiment!r} has format {version}; "
            f"this version reads up to {FORMAT_VERSION}.",
            hint="Use a newer version of heredity.",
        )


T = TypeVar("T")


def _exactly(kind: type[T], value: Json) -> T:
    if not isinstance(value, kind) or type(value) is not kind:  # True is no int here
        raise TypeError(f"expected {kind.__name__}, got {value!r}")
    return value


def _number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"expected a finite number, got {value!r}")
    return float(value)


def _mapping(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise TypeError(f"expected an object, got {value!r}")
    return value


def _trial_ids(value: Json) -> tuple[TrialId, ...]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {value!r}")
    return tuple(map(_trial_id, value))


def _trial_id(value: Json) -> TrialId:
    return parse_trial_id(_exactly(str, value))


# Any: the fields' annotations are read at run time, where no type checker can follow.
_Reader = Callable[[Json], Any]


def _optional(reader: _Reader) -> _Reader:
    return lambda value: None if value is None else reader(value)


# By the annotation of the field, so that a new event needs no code here.
_READERS: Mapping[str, _Reader] = {
    "float": _number,
    "int": lambda value: _exactly(int, value),
    "bool": lambda value: _exactly(bool, value),
    "str": lambda value: _exactly(str, value),
    "float | None": _optional(_number),
    "int | None": _optional(lambda value: _exactly(int, value)),
    "TrialId": _trial_id,
    "TrialId | None": _optional(_trial_id),
    "tuple[TrialId, ...]": _trial_ids,
    "CheckpointKey": lambda value: parse_checkpoint_key(_exactly(str, value)),
    "Mapping[str, Json]": _mapping,
}
