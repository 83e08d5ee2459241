"""What a worker and the program that it has started say to each other; see docs/programs.md."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from heredity.encoding import Json, decode
from heredity.engine.trials import TrialOrder
from heredity.errors import CorruptJournal, ProgramFailed
from heredity.experiment import events as happened
from heredity.experiment.event_json import event_from_json
from heredity.ids import parse_checkpoint_key, parse_trial_id

ORDER_VARIABLE = "HEREDITY_TRIAL"
"""Names the file that says what the trial is."""
CHANNEL_VARIABLE = "HEREDITY_CHANNEL"
"""The number of the descriptor that the program writes to, and reads answers from."""

TRY_AGAIN = os.EX_TEMPFAIL
"""The exit code of a program that could not do its work by no fault of its own, as ``sysexits.h`` has it."""

GO_ON, STOP = b"go on\n", b"stop\n"

_ORDER_VERSION = 1
_FROM_PROGRAMS = (
    happened.TrialReported,
    happened.TrialResumed,
    happened.TrialInherited,
    happened.CheckpointSaved,
    happened.TrialCompleted,
)


def order_to_json(order: TrialOrder) -> dict[str, Json]:
    """What a program is told of its trial."""
    values: dict[str, Json] = {field.name: getattr(order, field.name) for field in fields(order)}
    # The first parent is the one that is inherited from, and objects have no order.
    parents: list[Json] = [[trial, key] for trial, key in order.parents.items()]
    return values | {"version": _ORDER_VERSION, "parents": parents}


def order_from_json(value: Any) -> TrialOrder:  # noqa: ANN401  # what a file held
    """Read what `order_to_json` gave; keys that this version does not know are passed over.

    Raises:
        ProgramFailed: It is something else.
    """
    if not isinstance(value, Mapping) or value.get("version") != _ORDER_VERSION:
        raise ProgramFailed(
            f"{ORDER_VARIABLE}: expected a trial of version {_ORDER_VERSION}, got {value!r:.80}."
        )
    given = {field.name: value[field.name] for field in fields(TrialOrder) if field.name in value}
    given["parents"] = {
        parse_trial_id(trial): None if key is None else parse_checkpoint_key(key)
        for trial, key in value["parents"]
    }
    given["further_objectives"] = tuple(value["further_objectives"])
    given["resume_from"] = tuple(map(parse_checkpoint_key, value["resume_from"]))
    return TrialOrder(**given)


def event_of(line: bytes, order: TrialOrder, *, next_step: int) -> happened.AttemptEvent:
    """Read one line of a program: an event, in which what the worker knows itself may be missing.

    Raises:
        ProgramFailed: It is no event that a program may send.
    """
    try:
        value = decode(line)
        if isinstance(value, Mapping):
            value = {"at": time.time(), "trial": order.trial, "attempt": order.attempt, **value}
            if value.get("event") == happened.TrialReported.__name__:
                value.setdefault("step", next_step)
        event = event_from_json(value)
    except (ValueError, CorruptJournal) as error:
        raise _not_understood(line, str(error)) from error
    if not isinstance(event, _FROM_PROGRAMS):
        raise _not_understood(line, f"a program sends no {type(event).__name__}.")
    if (event.trial, event.attempt) != (order.trial, order.attempt):
        raise _not_understood(line, f"this is {order.trial}, attempt {order.attempt}.")
    return event


def _not_understood(line: bytes, problem: str) -> ProgramFailed:
    return ProgramFailed(
        f"The program sent {line[:80].decode(errors='replace')!r}: {problem}",
        hint='Send lines such as {"event": "TrialReported", "value": 0.5}.',
    )
