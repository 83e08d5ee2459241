"""Whether a store holds what a crowd of processes has been told about it."""

from __future__ import annotations

from pathlib import Path

from tests.store.kills.crowd import REFS, Diary, is_what_it_says
from tests.store.kills.scenarios import NOW
from tests.store.kills.snapshot import garbage_in

from heredity.encoding import decode
from heredity.store import Ref, open_store


def check(root: Path, diaries: list[Diary]) -> None:
    """Whether the store holds what they were told.

    Raises:
        AssertionError: It does not.
    """
    store = open_store(root, create=False, verify="always")
    assert [finding for diary in diaries for finding in diary.findings] == []
    saved, tried, dropped = (set[str]().union(*sets) for sets in zip(*map(_keys, diaries), strict=True))
    live = set(store)
    assert saved - dropped <= live <= tried
    assert store._reader.listing().dropped <= dropped
    for key in sorted(live):
        assert is_what_it_says(key, store[key]), key
    assert store.verify() == []
    for name in REFS:
        check_chain(root, name, [swap for diary in diaries for swap in diary.swaps if swap.name == name])
    for _ in range(2):
        store.collect(grace=NOW)
    assert store.verify() == []
    assert garbage_in(root) == []
    assert set(open_store(root)) == live


def _keys(diary: Diary) -> tuple[set[str], set[str], set[str]]:
    return diary.saved, diary.tried, diary.dropped


def check_chain(root: Path, name: str, swaps: list[Ref]) -> None:
    """Every move that was acknowledged is in the chain, and no other."""
    swaps.sort(key=lambda ref: ref.number)
    assert [swap.number for swap in swaps] == list(range(1, len(swaps) + 1))
    previous = None
    for swap in swaps:
        value = decode((root / f"refs/{name}/{swap.number:012d}").read_bytes())
        assert isinstance(value, dict)
        assert (value["nonce"], value["previous"], value["key"]) == (swap.nonce, previous, swap.key)
        previous = swap.nonce
    now = open_store(root).refs.get(name)
    assert (now.number if now else 0) == len(swaps)
