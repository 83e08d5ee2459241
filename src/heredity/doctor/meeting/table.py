"""How machines talk through the place that they examine: small texts, each put once under its own name."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from heredity.doctor.examinations.names import content_of
from heredity.doctor.place import Place, place_of
from heredity.encoding import Json, decode, encode
from heredity.errors import StoreLocationError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heredity.store import Backend

TABLE = "table"
WORK = "work"
PROTOCOL = 1
"""Machines with other rounds than ours do not sit down with us."""
_WORDS = "m/"
_SHORTEST_PAUSE_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Limits:
    """How long machines wait for one another, and how much they do.

    Args:
        arrival_seconds: How long the first machine waits for the others.
        round_seconds: How long one round may take; who is later has vanished.
        num_names: How many names they race for.
    """

    arrival_seconds: float = 300.0
    round_seconds: float = 120.0
    num_names: int = 200


class Table:
    """The place where the machines talk. Any of them may put its word there, whoever its user is."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._pause_seconds = max(_SHORTEST_PAUSE_SECONDS, backend.capabilities.first_pause_seconds)

    def lay(self, folder: Path | None) -> None:
        """Make it, open to all users."""
        self._backend.make_directories([_WORDS])
        if folder is not None:
            for path in (folder, *(each for each in folder.iterdir() if each.is_dir())):
                path.chmod(0o1777)

    def say(self, name: str, value: Json) -> bool:
        """Put a word; whether it was the first under this name."""
        content = encode(value)
        is_first = self._backend.put_once(f"{_WORDS}{name}", [content])
        # Of a put whose reply was lost the second attempt is refused.
        return is_first or content_of(self._backend, f"{_WORDS}{name}") == content

    def hear(self, name: str, *, seconds: float) -> Json | None:
        """Wait for a word; ``None`` if it does not come in time."""
        deadline = time.monotonic() + seconds
        while True:
            content = content_of(self._backend, f"{_WORDS}{name}")
            if content is not None:
                return decode(content)
            if time.monotonic() >= deadline:
                return None
            time.sleep(self._pause_seconds)


@dataclass(frozen=True, slots=True)
class Room:
    """The three parts of a meeting's folder: all of it, what is talked about, and where one talks."""

    outer: Place
    work: Place
    table: Table
    table_folder: Path | None


def room_of(url: str, *, code: str, options: Mapping[str, str] | None) -> Room:
    """Say where a meeting is, without touching anything there.

    Raises:
        StoreLocationError: Machines cannot meet there, or it is no place.
        InputError: An option is unknown, or not for such a place.
    """
    outer = place_of(url, code=code, options=options)
    if not outer.backend.capabilities.is_shared:
        raise StoreLocationError(
            f"{url}: is not shared; other machines do not see it.", hint="Name a directory or a bucket."
        )
    work = place_of(url, code=code, part=WORK, options=options)
    table = place_of(url, code=code, part=TABLE, options=options)
    return Room(outer, work, Table(table.backend), table.folder)


def vanished(error: StoreUnavailable) -> StoreUnavailable:
    """The error for a meeting whose folder is gone."""
    return StoreUnavailable(
        f"The examination has ended, or the place does not answer: {error.message}",
        hint="Begin again with --machines.",
    )
