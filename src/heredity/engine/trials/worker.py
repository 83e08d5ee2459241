"""Inside a worker: seed, load the trial function, run it, and say how it ended."""

from __future__ import annotations

import gc
import importlib
import sys
import time
import traceback
from pathlib import Path

import heredity
from heredity.engine.function import TrialFunction
from heredity.engine.trials.current import holding
from heredity.engine.trials.orders import TrialOrder
from heredity.engine.trials.reporting import Emit, Reporter
from heredity.engine.trials.resources import ResourceMeter
from heredity.engine.trials.seeding import seed_generators
from heredity.engine.trials.trial import Trial
from heredity.engine.trials.values import Ending
from heredity.errors import ConfigError, ProgramFailed, StoreUnavailable, TrialInterrupted, TrialStopped
from heredity.experiment import events as happened
from heredity.experiment import headline

_IMPORTING = ("<frozen importlib", str(importlib.__file__), str(Path(str(heredity.__file__)).parent))
"""How the names of the files begin that lead to the import of a user's module."""

MAX_ERROR_CHARS = 20_000
"""A traceback may hold a whole tensor's repr; the journal keeps its end, the log keeps all of it."""


def run_attempt(order: TrialOrder, function: TrialFunction, emit: Emit, *, num_threads: int = 1) -> None:
    """Run one attempt to its end. Raises nothing: whatever happens becomes an event."""
    reporter, meter = Reporter(order, emit), ResourceMeter()
    trial = Trial(order, reporter)
    try:
        train = function.load()
        seed_generators(order.seed, num_threads=num_threads)
        with holding(trial):
            ending = reporter.ending(train(trial))
    except TrialInterrupted as error:
        emit(
            happened.TrialLost(
                at=time.time(), trial=order.trial, attempt=order.attempt, reason=str(error), counts=False
            )
        )
    except TrialStopped:
        _emit_end(happened.TrialStoppedEarly, reporter.ending(None), order=order, meter=meter, emit=emit)
    except StoreUnavailable as error:  # no fault of the trial's, however long it was tried again
        _print_traceback()
        reason = f"StoreUnavailable: {headline(error.message)}"
        emit(
            happened.TrialLost(
                at=time.time(), trial=order.trial, attempt=order.attempt, reason=reason, counts=True
            )
        )
    except ProgramFailed as error:  # it has written its own traceback, if it has one
        _emit_failure(str(error), order=order, meter=meter, emit=emit)
    except (Exception, SystemExit):  # noqa: BLE001  # the worker's edge: this trial ends, others go on
        text = _print_traceback()
        _emit_failure(text[-MAX_ERROR_CHARS:], order=order, meter=meter, emit=emit)
    else:
        kind = happened.TrialStoppedEarly if trial.should_stop else happened.TrialCompleted
        _emit_end(kind, ending, order=order, meter=meter, emit=emit)


def _emit_end(
    kind: type[happened.TrialCompleted | happened.TrialStoppedEarly],
    ending: Ending,
    *,
    order: TrialOrder,
    meter: ResourceMeter,
    emit: Emit,
) -> None:
    emit(
        kind(
            at=time.time(),
            trial=order.trial,
            attempt=order.attempt,
            score=ending.score,
            metrics=ending.metrics,
            resources=meter.read(),
        )
    )


def _emit_failure(error: str, *, order: TrialOrder, meter: ResourceMeter, emit: Emit) -> None:
    emit(
        happened.TrialFailed(
            at=time.time(), trial=order.trial, attempt=order.attempt, error=error, resources=meter.read()
        )
    )


def _print_traceback() -> str:
    text = _writable(traceback.format_exc())
    print(text, file=sys.stderr, flush=True)  # noqa: T201  # into the attempt's log
    return text


def _writable(text: str) -> str:
    """A text that UTF-8 can carry: file names may hold bytes that are no characters."""
    return text.encode("utf-8", "backslashreplace").decode()


def problem_of(function: TrialFunction) -> str:
    """Say why a trial function cannot be used; an empty text if it can."""
    try:
        function.load()
    except ConfigError as error:
        return str(error)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # the user's module raised while it was imported
        return f"function {str(function)!r}: its module cannot be imported.\n{_traceback_of_import(error)}"
    return ""


def _traceback_of_import(error: BaseException) -> str:
    """Where in the user's files it was raised, without what led there."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_IMPORTING):
        trace = trace.tb_next
    return _writable("".join(traceback.format_exception(type(error), error, trace)))


def warm_up(function: TrialFunction) -> None:
    """Import what the trials will need, once, in the process that they are forked from."""
    if not problem_of(function) and "torch" in sys.modules:
        importlib.import_module("heredity.inheritance")
    if "numpy" in sys.modules:
        importlib.import_module("numpy.random")  # it would cost every trial ten milliseconds
    gc.collect()
    gc.freeze()  # a collection in a worker would touch, and so copy, pages that it shares with all others
