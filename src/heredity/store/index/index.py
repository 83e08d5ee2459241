"""Index: the door to the local cache of a store's headers. Never the truth; rebuilt whenever in doubt."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from heredity.store.clock import seconds_since_boot
from heredity.store.files.layout import FORMAT_VERSION
from heredity.store.files.manifest import MANIFEST_VERSION
from heredity.store.files.tombstone import TOMBSTONE_VERSION
from heredity.store.index.database import Database
from heredity.store.index.refreshing import refresh
from heredity.store.index.view import View

if TYPE_CHECKING:
    from pathlib import Path

    from heredity.store.files.reader import Reader


class Index:
    """What the headers and tombstones of one store say, in a file on the local disk.

    May be used by any number of threads and processes at once, also by several of one machine with the same
    folder. Nothing is held open, so that it may be forked at any moment. A file that is damaged, that others
    do not let go of, or that another version has made is thrown away and made anew.

    Args:
        reader: Reads the store.
        folder: Where the file lies, on a local disk; made if it is not there. If there is none, or it cannot
            be used, a private folder for temporary files takes its place.
        clock: Seconds that only ever grow, the same for all processes of this machine.
    """

    def __init__(
        self, reader: Reader, *, folder: Path | None, clock: Callable[[], float] = seconds_since_boot
    ) -> None:
        self._reader = reader
        self._folder = folder
        self._clock = clock
        # Not the store's id alone: a copy of a store has the same, and may go other ways.
        identity = (
            f"{reader.store_id} {reader.backend.url} {FORMAT_VERSION}.{MANIFEST_VERSION}.{TOMBSTONE_VERSION}"
        )
        self._database = Database(folder, identity=identity)

    def __reduce__(self) -> tuple[object, ...]:
        return _index, (self._reader, self._folder)

    @property
    def path(self) -> Path:
        """The file; may change if its folder cannot be used."""
        return self._database.path

    def look(self) -> View:
        """Look at what has changed in the store, and return a view of all that is in it.

        Raises:
            StoreUnavailable: The place does not answer.
        """
        return View(self._database, partial(refresh, self._reader, self._database, clock=self._clock))


def _index(reader: Reader, folder: Path | None) -> Index:
    return Index(reader, folder=folder)
