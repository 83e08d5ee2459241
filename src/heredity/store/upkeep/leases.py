"""Leases: checkpoints that somebody is using, and that no collection may free meanwhile.

A lease is a numbered file; to renew it, the next number is put. Its age is that of its newest file, by the
clock of the place, so that neither a dead holder nor a wrong clock keeps anything for ever.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from heredity.encoding import Json, decode, encode
from heredity.errors import CorruptData, InputError, InvalidName
from heredity.ids import CheckpointKey, parse_checkpoint_key
from heredity.store.files.layout import LEASES
from heredity.store.files.small import put_small

if TYPE_CHECKING:
    from types import TracebackType

    from heredity.store.backends.base import Backend
    from heredity.store.files.reader import Reader

LEASE_VERSION = 1


class Lease:
    """Checkpoints that stay readable until the lease is released, or ends because it was not renewed.

    Obtained from `Store.pin`. Release it by ``with`` or by `release`. Nothing renews it in the background:
    who works for longer than `seconds` calls `renew` now and then.
    """

    def __init__(self, reader: Reader, keys: Sequence[CheckpointKey], *, seconds: float, owner: str) -> None:
        if not 0 < seconds < float("inf"):
            raise InputError(f"A lease of {seconds} seconds is not possible; expected a positive number.")
        self.keys = tuple(keys)
        self.seconds = float(seconds)
        self.owner = owner
        self._reader = reader
        self._id = secrets.token_hex(12)
        self._number = 0

    def renew(self) -> None:
        """Let the lease run anew from now on.

        Raises:
            CheckpointDropped: The lease had ended, and one of its checkpoints was dropped meanwhile.
        """
        backend = self._reader.backend
        old, number = self._number, self._number + 1
        while not put_small(backend, self._name(number), self._to_json()):
            # The name is ours alone: an earlier attempt, which seemed to fail, has begun a term that may be
            # over by now.
            number += 1
        self._number = number
        had_ended = self._had_ended(self._name(old), self._name(number))
        for earlier in range(old, number):
            backend.retire(self._name(earlier))
        if had_ended:
            self._check()

    def _had_ended(self, old: str, new: str) -> bool:
        """Whether a collection may have taken the lease for over, by the clock that it goes by."""
        before, after = self._reader.backend.put_at(old), self._reader.backend.put_at(new)
        return before is None or after is None or after - before > self.seconds

    def _check(self) -> None:
        """Once the lease is visible: who drops a checkpoint from now on does not hide it from collections."""
        for key in self.keys:
            if not self._reader.is_live(key):
                self.release()
                raise self._reader.absent(key)

    def release(self) -> None:
        """End the lease. Idempotent."""
        if self._number:
            self._reader.backend.retire(self._name(self._number))

    def _name(self, number: int) -> str:
        return f"{LEASES}{self._id}.{number}"

    def _to_json(self) -> bytes:
        return encode(
            {"version": LEASE_VERSION, "keys": self.keys, "seconds": self.seconds, "owner": self.owner}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<Lease on {list(self.keys)} for {self.seconds:g} s>"


@dataclass(frozen=True, slots=True)
class LeaseFile:
    """A lease as it lies in a store, found by whoever collects."""

    name: str
    keys: tuple[CheckpointKey, ...]
    is_over: bool


def find_leases(backend: Backend, *, now: float) -> list[LeaseFile]:
    """All leases, and which of them are over at this time of the place's clock.

    Raises:
        CorruptData: A lease cannot be read. It might hold anything, so nothing may be collected.
    """
    found = []
    for name in backend.names(LEASES):
        put_at = backend.put_at(name)
        blob = backend.open(name)
        if put_at is None or blob is None:
            continue  # released meanwhile
        with blob:
            keys, seconds = _parse(blob.read(0, blob.size), where=f"{backend.url}, {name}")
        found.append(LeaseFile(name, keys, is_over=put_at + seconds < now))
    return found


def _parse(data: bytes, *, where: str) -> tuple[tuple[CheckpointKey, ...], float]:
    try:
        value: Json = decode(data)
    except ValueError as error:
        raise _damaged(where, f"is not JSON ({error})") from error
    match value:
        case {"version": 1, "keys": [*texts], "seconds": int() | float() as seconds}:
            try:
                return tuple(parse_checkpoint_key(str(text)) for text in texts), float(seconds)
            except InvalidName as error:
                raise _damaged(where, f"holds an impossible key ({error.message})") from error
    raise _damaged(where, "is no lease that this version knows")


def _damaged(where: str, what: str) -> CorruptData:
    return CorruptData(f"{where}: the lease {what}.", hint="Delete that file if its holder is gone.")
