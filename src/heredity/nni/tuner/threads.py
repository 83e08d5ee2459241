"""A tuner's calls in threads, as NNI makes them with `multiThread`: any number may block."""

from __future__ import annotations

import queue
import threading
import time
import traceback
import weakref
from collections import deque
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from heredity.errors import InputError
from heredity.nni.tuner import standing
from heredity.nni.tuner.called import CalledTuner
from heredity.nni.tuner.calls import Answer, Delivery

POLL_SECONDS = 0.002
"""Between two looks at whether all threads sleep."""
DELIVER_SECONDS = 10.0
"""For which a result that is being heard holds up the experiment; then it is heard beside."""
TAKEN_FOR_ASLEEP_SECONDS = 1.0
"""Where the system does not tell: a call that takes longer counts as blocked, so that others are made."""


@dataclass(frozen=True, slots=True)
class _Call:
    thread: threading.Thread
    begun_at: float


_Deliveries = queue.SimpleQueue[Delivery | None]
"""None: there are no more."""


class InThreads:
    """Makes each call for hyperparameters in a thread of its own, and all deliveries in one more, in order.

    There is no pool: a blocked call takes nothing from the others but memory. The threads end with the
    process, so that one that blocks for ever does not keep it. The thread of the deliveries ends before, once
    this is closed, or forgotten by all, calls that block among them.
    """

    def __init__(self, tuner: CalledTuner) -> None:
        self._tuner = tuner
        self._changed = threading.Condition()
        self._open: dict[int, _Call] = {}
        self._answers: deque[Answer] = deque()
        self._deliveries: _Deliveries = queue.SimpleQueue()
        self._num_undelivered = 0
        self._delivering = ""
        self._problem: InputError | None = None
        self._strangers: AbstractSet[int] | None = None
        """Threads that have nothing to do with the tuner."""
        self._dispatcher = threading.Thread(
            target=_deliver_all,
            args=(self._deliveries, weakref.ref(self)),
            name="heredity-nni-results",
            daemon=True,
        )
        self._dispatcher.start()
        self._end = weakref.finalize(self, self._deliveries.put, None)
        self._end.atexit = False

    # --- the interface -------------------------------------------------------------------------------------

    @property
    def num_open(self) -> int:
        """See `Calls.num_open`."""
        return len(self._open)

    @property
    def num_awake(self) -> int:
        """See `Calls.num_awake`."""
        with self._changed:
            calls = list(self._open.values())
        return sum(_is_awake(call) for call in calls)

    def begin(self, parameter_id: int) -> None:
        """See `Calls.begin`."""
        if self._strangers is None:  # all that the experiment itself needs runs by now
            self._strangers = standing.native_threads() - self._tuner.threads
        thread = threading.Thread(
            target=self._call, args=(parameter_id,), name=f"heredity-nni-{parameter_id}", daemon=True
        )
        with self._changed:
            self._open[parameter_id] = _Call(thread, time.monotonic())
        thread.start()

    def deliver(self, delivery: Delivery) -> None:
        """See `Calls.deliver`."""
        with self._changed:
            self._num_undelivered += 1
        self._deliveries.put(delivery)
        self._wait(DELIVER_SECONDS, lambda: not self._num_undelivered)
        self._raise_problem()

    def settle(self, seconds: float) -> None:
        """See `Calls.settle`."""
        self._wait(seconds, lambda: bool(self._answers))

    def next_answer(self) -> Answer | None:
        """See `Calls.next_answer`."""
        self._raise_problem()
        with self._changed:
            return self._answers.popleft() if self._answers else None

    def are_still(self) -> bool:
        """See `Calls.are_still`. It is known for certain, so that an experiment may be ended for it."""
        with self._changed:
            if self._num_undelivered and not self._delivering:
                return False
            if not self._open and not self._num_undelivered:
                return True
            ours = [call.thread.native_id for call in self._open.values()] + [self._dispatcher.native_id]
        if None in ours or not standing.can_tell():
            return False
        # What the tuner has begun itself may be what its calls wait for. The lock must not be held here: a
        # thread that waits for it does not sleep for ever.
        others = standing.native_threads() - (self._strangers or set())
        is_still = standing.all_sleep_for_ever({thread for thread in ours if thread is not None} | others)
        return is_still and not self._answers and self._problem is None

    def stacks(self) -> str:
        """See `Calls.stacks`."""
        with self._changed:
            threads = {_call_of(parameter_id): call.thread for parameter_id, call in self._open.items()}
            if self._delivering:
                threads[self._delivering] = self._dispatcher
        return standing.stacks(threads)

    def close(self) -> None:
        """End the thread of the deliveries, after those that wait. There must be no further ones."""
        self._end()

    # --- in the threads ------------------------------------------------------------------------------------

    def _call(self, parameter_id: int) -> None:
        try:
            given = self._tuner.generate(parameter_id, self._submit)
        except BaseException as error:  # noqa: BLE001  # the edge of a tuner: told by the next `next_answer`
            self._fail(_call_of(parameter_id), error, parameter_id)
            return
        answer = Answer(parameter_id, given[0]) if given else Answer(parameter_id, None, has_declined=True)
        with self._changed:
            del self._open[parameter_id]
            self._answers.append(answer)
            self._changed.notify_all()

    def _submit(self, parameter_id: int, parameters: object) -> None:
        with self._changed:
            self._answers.append(Answer(parameter_id, parameters))
            self._changed.notify_all()

    def hand_over(self, delivery: Delivery) -> None:
        """Make the calls of a delivery, in the thread of the deliveries."""
        self._delivering = f"The delivery of trial {delivery.trial}'s results and of its end"
        try:
            delivery.hand_to(self._tuner)
        except BaseException as error:  # noqa: BLE001  # as above
            self._fail(self._delivering, error, None)
        with self._changed:
            self._delivering = ""
            self._num_undelivered -= 1
            self._changed.notify_all()

    def _fail(self, what: str, error: BaseException, parameter_id: int | None) -> None:
        text = "".join(traceback.format_exception(error))
        with self._changed:
            self._open.pop(-1 if parameter_id is None else parameter_id, None)
        stacks = self.stacks() if parameter_id is not None else self._stacks_of_calls()
        others = f"\nMeanwhile:\n{stacks}" if stacks else ""
        problem = InputError(
            f"{self._tuner.name}: {what} raised {type(error).__name__}: {error}\n\n{text}{others}"
        )
        problem.__cause__ = error
        with self._changed:
            self._problem = self._problem or problem
            self._changed.notify_all()

    def _stacks_of_calls(self) -> str:
        with self._changed:
            threads = {_call_of(parameter_id): call.thread for parameter_id, call in self._open.items()}
        return standing.stacks(threads)

    # --- waiting -------------------------------------------------------------------------------------------

    def _wait(self, seconds: float, is_enough: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._changed:
                if self._changed.wait_for(lambda: is_enough() or self._problem, timeout=POLL_SECONDS):
                    return
            if self.are_still():
                return

    def _raise_problem(self) -> None:
        if self._problem is not None:
            raise self._problem


def _deliver_all(deliveries: _Deliveries, owner: weakref.ref[InThreads]) -> None:
    """Hand over one delivery after the other; between them the owner is not held, so that he may go."""
    while (delivery := deliveries.get()) is not None:
        calls = owner()
        if calls is None:
            return
        calls.hand_over(delivery)
        del calls


def _is_awake(call: _Call) -> bool:
    native_id = call.thread.native_id
    if standing.can_tell():
        return native_id is None or not standing.sleeps_for_ever(native_id)
    return time.monotonic() - call.begun_at < TAKEN_FOR_ASLEEP_SECONDS


def _call_of(parameter_id: int) -> str:
    return f"generate_parameters({parameter_id})"
