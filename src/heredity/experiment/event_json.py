"""Events as JSON objects, and back: what a line of the journal and a worker's message hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from sys import intern
from typing import Any, TypeVar, get_args

from heredity.encoding import Json
from heredity.errors import CorruptJournal, UnsupportedFormat
from heredity.experiment.events import FORMAT_VERSION, Event, ExperimentStarted
from heredity.ids import TrialId, parse_checkpoint_key, parse_trial_id


def event_to_json(event: Event) -> dict[str, Json]:
    """Turn an event into a JSON object with the event's name under ``event``; defaults are left out."""
    codec = _CODECS[type(event).__name__]
    values: dict[str, Json] = {"event": type(event).__name__}
    for name in codec.required:
        values[name] = getattr(event, name)
    for name, default in codec.defaults.items():
        if (value := getattr(event, name)) != default:
            values[name] = value
    return values


def event_from_json(value: Json) -> Event:
    """Turn a JSON object back into an event.

    Raises:
        CorruptJournal: It is no event: unknown name, missing or unknown fields, a value of another type.
        UnsupportedFormat: It begins a journal of a newer version, whatever fields that has.
    """
    if not isinstance(value, dict):
        raise CorruptJournal(f"expected an object, got {type(value).__name__}.")
    codec = _CODECS.get(str(value.get("event")))
    if codec is None:
        raise CorruptJournal(f"unknown event {value.get('event')!r}.")
    if codec.kind is ExperimentStarted:
        refuse_newer_format(value.get("format"), experiment=value.get("experiment"))
    name = codec.kind.__name__
    readers = codec.readers
    try:
        fields_ = {field: readers[field](part) for field, part in value.items() if field != "event"}
        return codec.kind(**fields_)
    except KeyError:
        raise CorruptJournal(_wrong_fields(codec, value)) from None
    except (OverflowError, TypeError, ValueError) as error:
        if not codec.required <= value.keys():
            raise CorruptJournal(_wrong_fields(codec, value)) from None
        raise CorruptJournal(f"{name}: {error}") from error


def _wrong_fields(codec: _Codec, value: Mapping[str, Json]) -> str:
    given = sorted(value.keys() - {"event"})
    return f"{codec.kind.__name__}: expected the fields {sorted(codec.readers)}, got {given}."


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


def _int(value: Json) -> int:
    return value if type(value) is int else _exactly(int, value)  # the other way takes twice as long


def _number(value: Json) -> float:
    kind = type(value)
    if kind is float and math.isfinite(value):  # type: ignore[arg-type]  # a number
        return value  # type: ignore[return-value]  # as above
    if (kind is not float and kind is not int) or not math.isfinite(value):  # type: ignore[arg-type]  # a number
        raise TypeError(f"expected a finite number, got {value!r}")
    return float(value)  # type: ignore[arg-type]  # a number


def mapping_of(value: Json) -> Mapping[str, Json]:
    """The value, if it is an object.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"expected an object, got {value!r}")
    # Keys are few and come again: held once each, a long journal takes a quarter less memory.
    return {intern(key): part for key, part in value.items()}


def _trial_ids(value: Json) -> tuple[TrialId, ...]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {value!r}")
    return tuple(map(trial_id_of, value))


def trial_id_of(value: Json) -> TrialId:
    """The value as a trial's name, one text in memory however often it is read.

    Raises:
        TypeError: It is no text.
        InvalidName: It is no name.
    """
    return _parsed_trial_id(value if type(value) is str else _exactly(str, value))


# Events of one trial stand together; and what is found here is one text in memory, however often it is read.
_parsed_trial_id = lru_cache(maxsize=4_096)(parse_trial_id)


# Any: the fields' annotations are read at run time, where no type checker can follow.
_Reader = Callable[[Json], Any]


def _optional(reader: _Reader) -> _Reader:
    return lambda value: None if value is None else reader(value)


# By the annotation of the field, so that a new event needs no code here.
_READERS: Mapping[str, _Reader] = {
    "float": _number,
    "int": _int,
    "bool": lambda value: _exactly(bool, value),
    "str": lambda value: _exactly(str, value),
    "float | None": _optional(_number),
    "int | None": _optional(_int),
    "TrialId": trial_id_of,
    "TrialId | None": _optional(trial_id_of),
    "tuple[TrialId, ...]": _trial_ids,
    "CheckpointKey": lambda value: parse_checkpoint_key(_exactly(str, value)),
    "Mapping[str, Json]": mapping_of,
}


@dataclass(frozen=True, slots=True)
class _Codec:
    """How the fields of one kind of event are written and read."""

    kind: type[Event]
    readers: Mapping[str, _Reader]
    required: frozenset[str]
    defaults: Mapping[str, object]


def _codec_of(kind: type[Event]) -> _Codec:
    declared = fields(kind)
    defaults: dict[str, object] = {}
    for field in declared:
        if field.default is not MISSING:
            defaults[field.name] = field.default
        elif field.default_factory is not MISSING:
            defaults[field.name] = field.default_factory()
    return _Codec(
        kind,
        readers={field.name: _READERS[str(field.type)] for field in declared},
        required=frozenset(field.name for field in declared) - defaults.keys(),
        defaults=defaults,
    )


_CODECS: Mapping[str, _Codec] = {kind.__name__: _codec_of(kind) for kind in get_args(Event)}
