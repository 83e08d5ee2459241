"""Leading from round to round: all begin together, and who does not answer in time has vanished."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from heredity.doctor.findings import Finding, Grade
from heredity.doctor.meeting.guest import answer
from heredity.doctor.meeting.rounds import HOST, Seat
from heredity.errors import StoreLocationError

if TYPE_CHECKING:
    from heredity.doctor.meeting.table import Table
    from heredity.encoding import Json

_ONE_USER = (
    "Save as one user with one number on all machines, or let a group save: chgrp, chmod g+ws on the "
    "directory, and umask 002."
)


class Lead:
    """The first machine's view of a meeting.

    Args:
        table: Where the machines talk.
        seat: Its own.
        names: The machines that are there, by their numbers; who vanishes is taken out.
        round_seconds: How long a round may take.
        tell: Called with each round's name.
    """

    def __init__(
        self,
        table: Table,
        seat: Seat,
        names: dict[int, str],
        *,
        round_seconds: float,
        tell: Callable[[str], object],
    ) -> None:
        self.seat = seat
        self.names = names
        self._vanishings: list[Finding] = []
        self._failures: dict[str, Finding] = {}
        self._table = table
        self._round_seconds = round_seconds
        self._tell = tell
        self._index = 0

    @property
    def findings(self) -> list[Finding]:
        """Who failed in a round, and who vanished."""
        return [*self._vanishings, *self._failures.values()]

    def do(self, round_name: str, **order: Json) -> dict[str, Json]:
        """Have all machines do a round; return the answers of those that did it, by name."""
        self._tell(f"with the others: {round_name}")
        index, self._index = self._index, self._index + 1
        order = {"round": round_name, **order}
        self._table.say(f"go-{index}", order)
        # Begun when all may begin, so that the first machine takes part in a race.
        answers: dict[int, Json] = {HOST: answer(self.seat, round_name, order)}
        deadline = time.monotonic() + self._round_seconds
        for number in sorted(set(self.names) - {HOST}):
            left = max(0.0, deadline - time.monotonic())
            answers[number] = self._table.hear(f"done-{index}-{number}", seconds=left)
        return self._good(answers, round_name=round_name)

    def seconds_of(self, round_name: str) -> float:
        """How long a round takes."""
        begun = time.monotonic()
        self.do(round_name)
        return time.monotonic() - begun

    def _good(self, answers: dict[int, Json], *, round_name: str) -> dict[str, Json]:
        good: dict[str, Json] = {}
        for number, given in answers.items():
            match given:
                case {"result": result}:
                    good[self.names[number]] = result
                case {"error": str(error), "hint": str(hint), "kind": str(kind)}:
                    change = _ONE_USER if kind == StoreLocationError.__name__ else hint
                    self._failed(self.names[number], round_name, error=error, change=change)
                case _:
                    self._vanished(number, round_name)
        return good

    def _failed(self, name: str, round_name: str, *, error: str, change: str) -> None:
        # What hinders a machine in one round hinders it in others; it is told once.
        if name not in self._failures:
            self._failures[name] = Finding(
                "taking part",
                Grade.UNFIT,
                f"failed in round {round_name!r}: {error}",
                expected="that what one machine has made the others can use",
                change=change,
                machine=name,
            )

    def _vanished(self, number: int, round_name: str) -> None:
        name = self.names.pop(number)
        self._vanishings.append(
            Finding(
                "other machines",
                Grade.POOR,
                f"{name} was there, and said nothing for {self._round_seconds:g} s in round {round_name!r}",
                expected="that all stay until the end; what it would have shown later is not known",
                change="Look whether it still runs and reaches the place, and begin again.",
                machine=name,
            )
        )
