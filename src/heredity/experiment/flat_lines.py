"""The lines that most of a journal consists of, read by a pattern and not as JSON, in half the time."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from heredity.encoding import decode
from heredity.experiment.event_json import mapping_of, trial_id_of
from heredity.experiment.events import CheckpointSaved, TrialReported, TrialStarted
from heredity.ids import parse_checkpoint_key

if TYPE_CHECKING:
    from heredity.experiment.events import Event
    from heredity.ids import TrialId

# As `encode` writes them. Whatever looks otherwise, and is JSON all the same, is left to the usual way.
_FLOAT = rb"(-?(?:0|[1-9]\d{0,17})(?:\.\d{1,20})?(?:e-?\d\d)?)"
_INT = rb"(0|[1-9]\d{0,17})"
_NAME = rb'"([\w.@/+-]+)"'
_LINE = re.compile(
    rb'\{"at":%(float)s,"attempt":%(int)s,"event":"(?:'
    rb'TrialReported",(?:"metrics":(\{[^{}\\]*\}),)?"step":%(int)s,"trial":%(name)s,"value":%(float)s'
    rb'|TrialStarted","trial":%(name)s'
    rb'|CheckpointSaved","key":%(name)s,"trial":%(name)s'
    rb")\}\n" % {b"float": _FLOAT, b"int": _INT, b"name": _NAME}
)


def event_of_flat_line(line: bytes) -> Event | None:
    """Read a report, a start or a save; None for all else, which says nothing against it.

    Raises:
        ValueError: It is one, with a name or metrics that cannot be.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    at, attempt, metrics, step, reporter, value, starter, key, saver = match.groups()
    if reporter is not None:
        return TrialReported(
            at=float(at),
            trial=_trial(reporter),
            attempt=int(attempt),
            step=int(step),
            value=float(value),
            metrics={} if metrics is None else mapping_of(decode(metrics)),
        )
    if starter is not None:
        return TrialStarted(at=float(at), trial=_trial(starter), attempt=int(attempt))
    saved = parse_checkpoint_key(key.decode())
    return CheckpointSaved(at=float(at), trial=_trial(saver), attempt=int(attempt), key=saved)


@lru_cache(maxsize=4_096)
def _trial(name: bytes) -> TrialId:
    return trial_id_of(name.decode())
