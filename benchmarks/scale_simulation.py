"""A discrete-event simulation of an experiment on a cluster: attempts, the mailbox and the driver's loop.

Two servers with queues: the mailbox, an actor with one thread, through which all calls of attempts go,
and the driver, which takes what has come, writes the journal and starts trials. Both are modelled as the
code has them: a call is answered before its attempt goes on, a beat before the next one is waited for;
the driver looks into the mailbox, works off all that was there, and looks again, twice more after an
attempt has ended. What a step costs was measured (`scale_driver.py`), and costs that grow with the number
of attempts do so here. What attempts compute costs nothing here: each has a machine.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from scale_assumptions import Beats, Workload

DRAINS = 2
"""Further looks of the driver after attempts have ended."""


@dataclass(frozen=True)
class Costs:
    """Seconds of the mailbox and of the driver, as measured."""

    call: float
    """The mailbox, for a call."""
    look: float
    look_per_attempt: float
    """The mailbox, for a look of the driver's, and more for each attempt that runs."""
    turn: float
    turn_per_attempt: float
    """The driver, for a turn of its loop, and more for each attempt that runs."""
    event: float
    """The driver, for an event: decoded, taken, written."""
    trial: float
    """The driver, for an end and a start: the strategy, the state, the journal, Ray."""
    sync: float
    """The driver, for the journal's sync before starts."""
    inherit: float
    save: float
    """An attempt's waits for the store."""


@dataclass
class Outcome:
    """What was seen after the warm-up."""

    num_attempts: int
    mailbox_load: float = 0.0
    driver_load: float = 0.0
    trials_a_second: float = 0.0
    calls_a_second: float = 0.0
    training_share: float = 0.0
    """Of the slots' time that went into training."""
    handover_seconds: list[float] = field(default_factory=list)
    """From an attempt's last word until its successor is started."""
    beat_seconds: list[float] = field(default_factory=list)
    """From one beat's beginning to the next: the silence that the mailbox sees."""


class Simulation:
    """One run with a fixed number of places, all of them taken."""

    def __init__(self, num_attempts: int, *, costs: Costs, workload: Workload, beats: Beats) -> None:
        self._costs, self._workload, self._beats = costs, workload, beats
        self._num = num_attempts
        self._random = random.Random(num_attempts)
        self._now = 0.0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._num_planned = 0
        self._calls: deque[tuple[float, Callable[[], None]]] = deque()
        self._is_serving = False
        self._news: list[Callable[[], None] | None] = []
        """What lies in the mailbox: for an end what it leads to, for other events nothing."""
        self._is_waited_for = False
        self._drains = 0
        self._measures_from = float("inf")
        self._outcome = Outcome(num_attempts)

    def run(self, *, warm_up_seconds: float, seconds: float) -> Outcome:
        """Simulate; what is returned is of the time after the warm-up."""
        self._measures_from = warm_up_seconds
        for _ in range(self._num):
            # As if all had begun long ago: an exponential time has no memory.
            self._after(self._random.uniform(0, warm_up_seconds / 2), self._train)
            self._after(self._random.uniform(0, warm_up_seconds / 2), self._beat_of_place)
        self._look()
        end = warm_up_seconds + seconds
        while self._agenda and self._agenda[0][0] < end:
            self._now, _, step = heapq.heappop(self._agenda)
            step()
        out = self._outcome
        out.mailbox_load /= seconds
        out.driver_load /= seconds
        out.calls_a_second /= seconds
        out.trials_a_second = len(out.handover_seconds) / seconds
        out.training_share = out.trials_a_second * self._workload.train_seconds / self._num
        return out

    def _after(self, seconds: float, step: Callable[[], None]) -> None:
        self._num_planned += 1
        heapq.heappush(self._agenda, (self._now + seconds, self._num_planned, step))

    @property
    def _is_measured(self) -> bool:
        return self._now >= self._measures_from

    # --- the mailbox ---------------------------------------------------------------------------------------

    def _call(self, cost: float, then: Callable[[], None]) -> None:
        self._calls.append((cost, then))
        if not self._is_serving:
            self._serve()

    def _serve(self) -> None:
        cost, then = self._calls.popleft()
        self._is_serving = True
        if self._is_measured:
            self._outcome.mailbox_load += cost
            self._outcome.calls_a_second += 1

        def served() -> None:
            self._is_serving = False
            then()
            if self._calls and not self._is_serving:
                self._serve()

        self._after(cost, served)

    def _send(self, then: Callable[[], None], *, end: Callable[[], None] | None = None) -> None:
        def arrived() -> None:
            self._news.append(end)
            then()
            if self._is_waited_for:
                self._is_waited_for = False
                self._take()

        self._call(self._costs.call, arrived)

    # --- an attempt ----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Announce it, name the machine, open the store and inherit."""
        call = self._costs.call
        self._call(call, lambda: self._call(call, lambda: self._after(self._costs.inherit, self._inherited)))

    def _inherited(self) -> None:
        self._send(self._train)

    def _train(self, left: float | None = None) -> None:
        left = self._random.expovariate(1 / self._workload.train_seconds) if left is None else left
        pause = self._workload.report_seconds
        if left > pause:
            self._after(pause, lambda: self._send(lambda: self._train(left - pause)))
        else:
            self._after(left + self._costs.save, lambda: self._send(self._end))

    def _end(self) -> None:
        ended_at = self._now

        def start() -> None:
            if self._is_measured:
                self._outcome.handover_seconds.append(self._now - ended_at)
            self._after(self._workload.launch_seconds, self._begin)

        self._send(lambda: None, end=start)

    def _beat_of_place(self) -> None:
        """Whoever holds the place says that it is there."""
        begun_at = self._now
        if self._random.random() * self._beats.attempts_a_beat >= 1:
            self._after(self._beats.pause(self._num), self._beat_of_place)  # another one speaks for it
            return

        def answered() -> None:
            pause = self._beats.pause(self._num)
            if self._is_measured:
                self._outcome.beat_seconds.append(self._now - begun_at + pause)
            self._after(pause, self._beat_of_place)

        self._call(self._costs.call, answered)

    # --- the driver ----------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._call(self._costs.look + self._num * self._costs.look_per_attempt, self._looked)

    def _looked(self) -> None:
        if self._news or self._drains:
            self._take()
        else:
            self._is_waited_for = True

    def _take(self) -> None:
        news, self._news = self._news, []
        ends = [end for end in news if end is not None]
        self._drains = DRAINS if ends else max(0, self._drains - 1)
        costs = self._costs
        seconds = costs.turn + self._num * costs.turn_per_attempt + len(news) * costs.event
        if ends:
            seconds += len(ends) * costs.trial + costs.sync

        def done() -> None:
            for end in ends:
                end()
            self._look()

        if self._is_measured:
            self._outcome.driver_load += seconds
        self._after(seconds, done)
