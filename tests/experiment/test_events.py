"""Events as JSON: what is written is read back, and nothing else is read."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heredity.encoding import Json, decode, encode
from heredity.errors import CorruptJournal, UnsupportedFormat
from heredity.experiment import events as happened
from heredity.experiment.event_json import event_from_json, event_to_json
from heredity.testing.histories import events_of

KINDS: tuple[type[happened.Event], ...] = get_args(happened.Event)

Fields = dict[str, Json]

STARTED: Fields = {
    "event": "ExperimentStarted",
    "at": 0.0,
    "format": 1,
    "experiment": "demo",
    "seed": 0,
    "concurrency": 1,
    "max_trials": None,
    "max_retries": 2,
    "direction": "maximize",
}
PROPOSED: Fields = {
    "event": "TrialProposed",
    "at": 1.0,
    "trial": "a",
    "parameters": {},
    "parents": ["b"],
    "twin_of": None,
}
COMPLETED: Fields = {"event": "TrialCompleted", "at": 1.0, "trial": "a", "attempt": 1, "score": 0.5}
LOST: Fields = {"event": "TrialLost", "at": 1.0, "trial": "a", "attempt": 1, "reason": "gone", "counts": True}
SAVED: Fields = {"event": "CheckpointSaved", "at": 1.0, "trial": "a", "attempt": 1, "key": "run/a@1"}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(deadline=None, max_examples=30)
def test_what_is_written_is_read_back(kind: type[happened.Event], data: st.DataObject) -> None:
    event = data.draw(events_of(kind))
    assert type(event) is kind
    assert event_from_json(decode(encode(event_to_json(event)))) == event


def test_every_event_of_the_module_can_be_read() -> None:
    """None is forgotten in the union."""
    declared = {
        value for value in vars(happened).values() if getattr(value, "__module__", "") == happened.__name__
    }
    classes = {
        value for value in declared if isinstance(value, type) and hasattr(value, "__dataclass_fields__")
    }
    assert set(KINDS) == classes


@pytest.mark.parametrize("value", [STARTED, PROPOSED, COMPLETED, LOST, SAVED])
def test_the_examples_below_are_spoiled_by_one_change_each(value: Fields) -> None:
    assert type(event_from_json(value)).__name__ == value["event"]


@pytest.mark.parametrize("value", [None, 1, "TrialCompleted", [], [COMPLETED]])
def test_an_event_is_an_object(value: Json) -> None:
    with pytest.raises(CorruptJournal, match="expected an object"):
        event_from_json(value)


@pytest.mark.parametrize("name", ["TrialVanished", "", None, 5, "Event", ["TrialCompleted"]])
def test_an_unknown_event_is_refused(name: Json) -> None:
    refuses(COMPLETED | {"event": name}, "unknown event")


def test_an_event_without_a_name_is_refused() -> None:
    refuses({"at": 1.0}, "unknown event None")


@pytest.mark.parametrize("field", ["at", "trial", "attempt", "score"])
def test_a_missing_field_is_refused(field: str) -> None:
    refuses({name: value for name, value in COMPLETED.items() if name != field}, "expected the fields")


def test_an_unknown_field_is_refused() -> None:
    refuses(COMPLETED | {"colour": 1}, r"TrialCompleted: expected the fields \[.*\], got \[.*'colour'.*\]")


NO_NUMBER: list[Json] = ["0", None, True, [], float("nan"), float("inf"), 10**400]
NO_INTEGER: list[Json] = ["1", None, True, 1.0]
NO_LIST: list[Json] = [None, "b", {"b": 1}]
NO_OBJECT: list[Json] = [None, [], "x"]
NO_TRIAL: list[Json] = [None, 5, True, "", "a b", "../a", ["a"], {}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("at", bad) for bad in NO_NUMBER),
        *(("trial", bad) for bad in NO_TRIAL),
        *(("attempt", bad) for bad in NO_INTEGER),
        *(("score", bad) for bad in NO_NUMBER if bad is not None),
    ],
)
def test_a_value_of_another_type_is_refused(field: str, value: Json) -> None:
    refuses(COMPLETED | {field: value}, "TrialCompleted: ")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("parents", bad) for bad in [*NO_LIST, *([each] for each in NO_TRIAL)]),
        *(("twin_of", bad) for bad in NO_TRIAL if bad is not None),
        *(("parameters", bad) for bad in NO_OBJECT),
    ],
)
def test_a_proposal_of_another_form_is_refused(field: str, value: Json) -> None:
    refuses(PROPOSED | {field: value}, "TrialProposed: ")


@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_a_truth_value_is_no_number(value: Json) -> None:
    refuses(LOST | {"counts": value}, "TrialLost: expected bool")


@pytest.mark.parametrize("value", [None, 5, "", "a b", "../a"])
def test_a_key_is_checked(value: Json) -> None:
    refuses(SAVED | {"key": value}, "CheckpointSaved: ")


@pytest.mark.parametrize("value", ["2", 1.5, False])
def test_a_limit_is_an_integer_or_none(value: Json) -> None:
    refuses(STARTED | {"max_trials": value}, "ExperimentStarted: expected int")


def test_an_integer_may_stand_for_a_number() -> None:
    event = event_from_json(COMPLETED | {"score": 1})
    assert isinstance(event, happened.TrialCompleted)
    assert type(event.score) is float


def test_a_newer_format_is_recognized_whatever_fields_it_has() -> None:
    """It is not called damaged, which would send the user in search of a copy."""
    with pytest.raises(UnsupportedFormat, match=r"has format 3; this version reads up to 2\."):
        event_from_json(STARTED | {"format": 3, "colour": 1})


def refuses(value: Fields, message: str) -> None:
    with pytest.raises(CorruptJournal, match=message):
        event_from_json(value)
