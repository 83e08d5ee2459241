"""A small actor of the driver's, in which attempts leave their events and hear whether to stop."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

Message = tuple[str, bytes]
"""The attempt's name, and an event as JSON."""

BEAT_SECONDS, LONGEST_BEAT_SECONDS = 2.0, 10.0
"""Between two words of an attempt that it is there: with few others, with many. Four such make a silence."""

MOST_BEATS_A_SECOND = 500.0
"""Of all attempts: a call takes 0.54 to 0.65 ms of the mailbox's one thread, which is there for events."""

SLEEP_SECONDS = 10.0
"""If nobody has looked into the mailbox for so long, driver and mailbox may have slept: no silence counts."""


@dataclass(slots=True)
class _Sender:
    """An attempt that runs."""

    token: str
    heard_at: float
    num_received: int = 0
    answers: asyncio.Queue[bool] = field(default_factory=asyncio.Queue)


class Mailbox:
    """An asynchronous actor: its methods run on one event loop, and none of them ever waits for long.

    It runs on the driver's machine and ends with the driver. So whoever cannot reach it knows that nobody
    will act any more on what it does.
    """

    def __init__(self) -> None:
        self._news: list[Message] = []
        self._has_news = asyncio.Event()
        self._senders: dict[str, _Sender] = {}
        self._collected_at = 0.0

    # --- for attempts --------------------------------------------------------------------------------------

    async def begin(self, name: str, token: str) -> bool:
        """Announce an attempt. False if it was begun already: Ray has started a task twice."""
        known = self._senders.get(name)
        if known is not None and known.token != token:
            return False
        self._senders[name] = known or _Sender(token, _now())
        return True

    async def send(self, name: str, number: int, event: bytes) -> None:
        """Leave an event; one that was left already, by its number, is ignored."""
        sender = self._heard(name)
        if sender is None or number > sender.num_received:
            self._news.append((name, event))
            self._has_news.set()
        if sender is not None:
            sender.num_received = max(number, sender.num_received)

    async def answer_to(self, name: str, timeout_seconds: float) -> bool | None:
        """The driver's word on a report: whether to stop. None if it has not come yet."""
        sender = self._heard(name)
        if sender is None:
            return True  # the driver counts it as lost: nothing that it does matters any more
        try:
            return await asyncio.wait_for(sender.answers.get(), timeout_seconds)
        except TimeoutError:
            return None

    async def beat(self, name: str) -> float:
        """Say that the attempt's machine is there. Returns after how many seconds to say so again."""
        self._heard(name)
        return min(LONGEST_BEAT_SECONDS, max(BEAT_SECONDS, len(self._senders) / MOST_BEATS_A_SECOND))

    def _heard(self, name: str) -> _Sender | None:
        sender = self._senders.get(name)
        if sender is not None:
            sender.heard_at = _now()
        return sender

    # --- for the driver ------------------------------------------------------------------------------------

    async def collect(self, timeout_seconds: float) -> tuple[list[Message], dict[str, float]]:
        """What has come, waited for if nothing has; and for how long each attempt has been silent."""
        if not self._news:
            self._has_news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._has_news.wait(), timeout_seconds)
        news, self._news = self._news, []
        return news, self._silences()

    def _silences(self) -> dict[str, float]:
        now = _now()
        if now - self._collected_at > SLEEP_SECONDS:
            for sender in self._senders.values():
                sender.heard_at = now
        self._collected_at = now
        return {name: now - sender.heard_at for name, sender in self._senders.items()}

    async def wake(self) -> None:
        """Have a `collect` that waits return at once."""
        self._has_news.set()

    async def answer(self, name: str, *, must_stop: bool) -> None:
        """Answer the report that came last."""
        if name in self._senders:
            self._senders[name].answers.put_nowait(must_stop)

    async def forget(self, name: str) -> None:
        """The attempt has ended."""
        self._senders.pop(name, None)


def _now() -> float:
    return asyncio.get_running_loop().time()
