"""Refs: the only names that move. A ref is a numbered file, put once; the highest number counts.

To move a ref is to put the next number, which only one of many writers can: compare-and-swap, on every place
alike. Old numbers are trimmed by age, so that a writer that slept longer than that looks again.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import unquote

from heredity.encoding import Json, decode, encode
from heredity.errors import CorruptData, InputError, InvalidName, RefMoved, RefNotFound
from heredity.ids import CheckpointKey, parse_checkpoint_key
from heredity.store.clock import seconds_since_boot
from heredity.store.files.layout import REFS, file_name_of
from heredity.store.files.small import put_small

if TYPE_CHECKING:
    from heredity.store.files.reader import Reader

REF_VERSION = 1
_NUMBER = re.compile(r"\d{12}")
# A collection keeps superseded numbers for at least this long, whatever its grace: a writer that has
# taken less than half of it between its look and its put knows that nothing was trimmed in between.
LEAST_TRIM_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Ref:
    """Where a movable name pointed when it was read.

    Args:
        name: The name.
        key: The checkpoint it pointed to; look it up in the store.
        number: How often it had been moved, counted from 1.
        nonce: A random number of that move, which tells it from any other.
        moved_at: When, by the clock of whoever moved it, in UTC.
    """

    name: str
    key: CheckpointKey
    number: int
    nonce: str
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class _Version:
    """One numbered file; `key` is ``None`` where the ref was deleted."""

    number: int
    nonce: str
    previous: str | None
    key: CheckpointKey | None
    moved_at: datetime


class Refs:
    """The movable names of a store: ``store.refs["best"]``.

    Any number of writers may move a ref at the same time. `swap` moves it only from where the caller has
    seen it, so that no move is lost: who comes second is told by `RefMoved`, reads again, and decides anew.
    """

    def __init__(self, reader: Reader, *, now: Callable[[], datetime]) -> None:
        self._reader = reader
        self._backend = reader.backend
        self._now = now

    def __getitem__(self, name: str) -> Ref:
        """Where a ref points now.

        Raises:
            RefNotFound: There is no such ref.
            InvalidName: No ref can be called so.
        """
        found = self.get(name)
        if found is None:
            names = list(self)
            raise RefNotFound(
                f"There is no ref {name!r} in {self._backend.url}.",
                hint=f"There are {', '.join(map(repr, names[:8]))}." if names else "There is none at all.",
            )
        return found

    def get(self, name: str) -> Ref | None:
        """Where a ref points now; ``None`` if there is no such ref."""
        return _ref(parse_ref_name(name), self._newest(name))

    def __contains__(self, name: object) -> bool:
        """Whether there is such a ref now."""
        try:
            return isinstance(name, str) and self.get(name) is not None
        except InvalidName:
            return False

    def __iter__(self) -> Iterator[str]:
        """The names of all refs, sorted."""
        return (name for name in self.names() if name in self)

    def names(self) -> list[str]:
        """All names that refs have or had, sorted: also of those that were deleted or are damaged."""
        return sorted({unquote(file.split("/")[1]) for file in self._backend.names(REFS)})

    def swap(self, name: str, key: str, *, expected: Ref | None) -> Ref:
        """Move a ref to another checkpoint if it is still where the caller has seen it.

        Args:
            name: The ref; any text that could be a checkpoint's key.
            key: Where to; the checkpoint must be in the store.
            expected: The ref as it was read; ``None`` to make a new one.

        Raises:
            RefMoved: Somebody else has moved, made or deleted it; read it again.
            CheckpointNotFound: There is no such checkpoint, or it was dropped.
        """
        parsed, target = parse_ref_name(name), parse_checkpoint_key(key)
        if not self._reader.is_live(target):
            raise self._reader.absent(target)
        begun = seconds_since_boot()
        newest = self._newest(parsed)
        _check_expected(expected)
        if _ref(parsed, newest) != expected:
            raise self._moved(parsed, newest)
        moved = self._put(parsed, target, after=newest, begun=begun)
        return Ref(parsed, target, moved.number, moved.nonce, moved.moved_at)

    def set(self, name: str, key: str) -> Ref:
        """Move a ref to a checkpoint from wherever it is.

        Raises:
            CheckpointNotFound: There is no such checkpoint, or it was dropped.
        """
        while True:
            try:
                return self.swap(name, key, expected=self.get(name))
            except RefMoved:
                continue

    def delete(self, name: str) -> None:
        """Delete a ref; the checkpoint it points to stays. Passes over one that is not there."""
        parsed = parse_ref_name(name)
        while True:
            begun = seconds_since_boot()
            newest = self._newest(parsed)
            if newest is None or newest.key is None:
                return
            try:
                self._put(parsed, None, after=newest, begun=begun)
            except RefMoved:
                continue

    def pointing_to(self, key: CheckpointKey) -> list[str]:
        """The names of the refs that point to a checkpoint now."""
        return [name for name in self if (found := self.get(name)) is not None and found.key == key]

    def trim(self, *, before: float) -> None:
        """Delete the numbers that others had superseded before this time of the place's clock."""
        versions: dict[str, list[str]] = {}
        for name in self._backend.names(REFS):
            versions.setdefault(name.rpartition("/")[0], []).append(name)
        for names in versions.values():
            for old, successor in pairwise(names):
                put_at = self._backend.put_at(successor)
                if put_at is None or put_at > before:
                    break
                self._backend.retire(old)

    def _put(self, name: str, key: CheckpointKey | None, *, after: _Version | None, begun: float) -> _Version:
        """Put the number after `after`, which was the newest when it was read after the moment `begun`."""
        version = _Version(
            number=1 if after is None else after.number + 1,
            nonce=secrets.token_hex(16),
            previous=None if after is None else after.nonce,
            key=key,
            moved_at=self._now(),
        )
        if after is None:
            self._backend.make_directories([_directory(name)])
        is_ours = put_small(self._backend, _file(name, version.number), _to_json(name, version))
        if not is_ours:
            # A reply may have been lost, and the repeated request have met our own file.
            there = self._read(name, version.number)
            is_ours = there is not None and there.nonce == version.nonce
        if is_ours and seconds_since_boot() - begun > LEAST_TRIM_SECONDS / 2:
            is_ours = self._is_in_the_chain(name, version)
        if not is_ours:
            raise self._moved(name, self._newest(name))
        return version

    def _is_in_the_chain(self, name: str, version: _Version) -> bool:
        """Whether a number that was put late is the newest, or what the next one was put upon.

        It may fill a gap that trimming has left far below the newest: then it counts for nothing.
        """
        newest = self._newest(name)
        if newest is not None and newest.number > version.number:
            following = self._read(name, version.number + 1)
            return following is not None and following.previous == version.nonce
        return True

    def _newest(self, name: str) -> _Version | None:
        numbers = [
            int(last)
            for found in self._backend.names(_directory(name))
            if _NUMBER.fullmatch(last := found.rpartition("/")[2])
        ]
        while numbers:
            found = self._read(name, numbers.pop())
            if found is not None:
                return found
        return None

    def _read(self, name: str, number: int) -> _Version | None:
        blob = self._backend.open(_file(name, number))
        if blob is None:
            return None
        with blob:
            return _parse(blob.read(0, blob.size), number=number, where=f"{self._backend.url}, ref {name!r}")

    def _moved(self, name: str, newest: _Version | None) -> RefMoved:
        there = _ref(name, newest)
        what = "it is not there" if there is None else f"it points to {there.key!r} since move {there.number}"
        return RefMoved(
            f"Ref {name!r} in {self._backend.url} is not where it was expected: {what}.",
            hint="Read it again, and move it from there if that is still right.",
        )


def parse_ref_name(text: str) -> str:
    """Check a ref's name, by the rule for checkpoints' keys.

    Raises:
        InvalidName: The text is not such a name.
    """
    try:
        return parse_checkpoint_key(text)
    except InvalidName as error:
        raise InvalidName(error.message.replace("Checkpoint key", "Ref", 1), hint=error.hint) from error


def _check_expected(expected: object) -> None:
    if expected is not None and not isinstance(expected, Ref):
        raise InputError(
            f"expected={expected!r:.80} is no ref; give what store.refs.get() has returned, or None.",
            hint="The checkpoint's key alone does not say that the ref has not been moved away and back.",
        )


def _directory(name: str) -> str:
    return f"{REFS}{file_name_of(name)}/"


def _file(name: str, number: int) -> str:
    return f"{_directory(name)}{number:012d}"


def _ref(name: str, version: _Version | None) -> Ref | None:
    if version is None or version.key is None:
        return None
    return Ref(name, version.key, version.number, version.nonce, version.moved_at)


def _to_json(name: str, version: _Version) -> bytes:
    return encode(
        {
            "version": REF_VERSION,
            "name": name,
            "nonce": version.nonce,
            "previous": version.previous,
            "key": version.key,
            "moved_at": version.moved_at.isoformat(timespec="microseconds"),
        }
    )


def _parse(data: bytes, *, number: int, where: str) -> _Version:
    try:
        value: Json = decode(data)
        match value:
            case {
                "version": 1,
                "nonce": str(nonce),
                "previous": str() | None as previous,
                "key": str() | None as key,
                "moved_at": str(moved_at),
            }:
                parsed = None if key is None else parse_checkpoint_key(key)
                moment = datetime.fromisoformat(moved_at).astimezone(UTC)
                return _Version(number, nonce, previous, parsed, moment)
    except (ValueError, OverflowError) as error:
        raise _damaged(where, str(error)) from error
    raise _damaged(where, "it has not the fields of a ref that this version knows")


def _damaged(where: str, what: str) -> CorruptData:
    return CorruptData(f"{where} is damaged: {what}.", hint="Set it anew, or restore the file from a copy.")
