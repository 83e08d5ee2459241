"""Many processes that do everything at once to one store, each keeping a diary of what it was told.

A checkpoint's name says what is in it: ``w3/17/4-25-301`` holds the contents 4, 25 and 301, so that whoever
loads it knows what should come, and the diaries need not hold bytes.
"""

from __future__ import annotations

import os
import pickle
import random
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from heredity.errors import (
    CheckpointDropped,
    HeredityError,
    InputError,
    RefMoved,
    StoreUnavailable,
    WaitTimeout,
)
from heredity.store import Checkpoint, Ref, Store, open_store
from heredity.store.upkeep.collecting import Collection

REFS = ("best", "latest", "supernet")
_COLLECTORS = 2
# Within the last of them, hundreds of checkpoints are dropped: young ones with owners that are not.
_GRACES = (0.0, 0.0, 0.02, 0.2, 1.0)
_MOST_CONTENTS = 5
_LOOK_EACH = 8
_CONTENTS_EACH = 1_000_000


@dataclass
class Diary:
    """What one process was told.

    Args:
        saved: Keys whose save was acknowledged.
        tried: Keys whose save was refused by the place; they may be there or not.
        dropped: Keys whose drop was acknowledged, or refused by the place.
        swaps: Acknowledged moves of refs.
        counts: How often each operation ended in which way.
        findings: What must not happen.
    """

    saved: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    swaps: list[Ref] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)


@lru_cache(maxsize=256)
def content(number: int) -> np.ndarray[Any, Any]:
    """The content of this number: 6 kB, more than strangers must have to share it."""
    return np.random.default_rng(number).integers(0, 1 << 30, size=1536, dtype=np.int32)


def numbers_in(key: str) -> list[int]:
    """What a checkpoint of this name holds."""
    return [int(number) for number in key.rpartition("/")[2].split("-")]


def _age(key: str) -> int:
    """The how manieth of its writer it is."""
    return int(key.split("/")[1]) % _CONTENTS_EACH


def is_what_it_says(key: str, checkpoint: Checkpoint) -> bool:
    """Load it, and compare each byte."""
    found = checkpoint.tensors()
    return sorted(found) == sorted(f"t{number}" for number in numbers_in(key)) and all(
        np.array_equal(found[f"t{number}"], content(number)) for number in numbers_in(key)
    )


class Member:
    """One process of the crowd."""

    def __init__(self, root: Path, *, number: int, seed: int) -> None:
        self._store: Store = open_store(root, create=False, verify="always")
        self._name = f"w{number}"
        self._random = random.Random(seed * 1000 + number)
        self._fresh = number * _CONTENTS_EACH
        self._known: list[str] = []
        self._collects = number < _COLLECTORS
        self.diary = Diary()

    def work(self, num_operations: int) -> None:
        """Do so many things, each drawn by lot."""
        ways: dict[Callable[[], None], int] = {
            self._put: 40,
            self._load: 15,
            self._load_pinned: 8,
            self._wait: 5,
            self._drop: 22,
            self._swap: 10,
            self._collect: 6 if self._collects else 0,
        }
        for step in range(num_operations):
            if step % _LOOK_EACH == 0:
                self._known = sorted(self._store, key=_age)
            if not self._known:
                self._put()
                self._known = sorted(self._store, key=_age)
            self._do(self._random.choices(list(ways), list(ways.values()))[0])

    def _do(self, way: Callable[[], None]) -> None:
        name = way.__name__.removeprefix("_")
        try:
            way()
        except HeredityError as error:
            end = type(error).__name__
            if not isinstance(error, CheckpointDropped | RefMoved | StoreUnavailable | WaitTimeout):
                self.diary.findings.append(f"{self._name} {name}: {end}: {error}")
        else:
            end = "done"
        self.diary.counts[f"{name}: {end}"] += 1

    def _any(self) -> str:
        """Any checkpoint, or, to be in one another's way, one of the youngest."""
        return self._random.choice(self._known[-12:] if self._random.random() < 0.5 else self._known)

    def _put(self) -> None:
        parent = self._any() if self._known and self._random.random() < 0.8 else None
        inherited = numbers_in(parent) if parent else []
        kept = self._random.sample(
            inherited, min(len(inherited), self._random.randint(1, _MOST_CONTENTS - 1))
        )
        self._fresh += 1
        numbers = [*kept, self._fresh]
        key = f"{self._name}/{self._fresh}/{'-'.join(map(str, numbers))}"
        self.diary.tried.add(key)
        tensors = {f"t{number}": content(number) for number in numbers}
        self._store.put(key, tensors, parents=[parent] if parent else [])
        self.diary.saved.add(key)

    def _check(self, key: str, checkpoint: Checkpoint) -> None:
        if not is_what_it_says(key, checkpoint):
            self.diary.findings.append(f"{self._name}: {key} holds something else")

    def _load(self) -> None:
        key = self._any()
        self._check(key, self._store[key])

    def _load_pinned(self) -> None:
        key = self._any()
        checkpoint = self._store[key]
        with self._store.pin([key], owner=self._name):
            try:
                self._check(key, checkpoint)
            except CheckpointDropped as error:
                self.diary.findings.append(f"{self._name}: {key} was pinned: {error}")

    def _wait(self) -> None:
        key = self._any()
        self._check(key, self._store.wait(key, timeout=0.01))

    def _drop(self) -> None:
        key = self._any()
        if key in {ref.key for name in REFS if (ref := self._store.refs.get(name))}:
            return
        self.diary.dropped.add(key)
        try:
            self._store.drop(key)
        except CheckpointDropped:
            raise
        except InputError:
            return  # a ref came to point to it just now

    def _swap(self) -> None:
        name = self._random.choice(REFS)
        seen = self._store.refs.get(name)
        moved = self._store.refs.swap(name, self._any(), expected=seen)
        self.diary.swaps.append(moved)

    def _collect(self) -> None:
        grace = timedelta(seconds=self._random.choice(_GRACES))
        done: Collection = self._store.collect(grace=grace)
        self.diary.counts["files freed"] += len(done.freed)
        self.diary.counts["files needed by others"] += done.num_needed


def crowd(root: Path, *, num_members: int, num_operations: int, seed: int) -> list[Diary]:
    """Let them all work at once; return their diaries."""
    open_store(root)
    diaries = []
    for number in range(num_members):
        diary = root.parent / f"diary-{number}"
        diaries.append((diary, _fork(root, diary, number=number, seed=seed, num_operations=num_operations)))
    found = []
    for diary, process in diaries:
        assert os.waitpid(process, 0)[1] == 0, f"{diary.name}: its writer has died"
        found.append(pickle.loads(diary.read_bytes()))
    return found


def _fork(root: Path, diary: Path, *, number: int, seed: int, num_operations: int) -> int:
    process = os.fork()
    if process == 0:
        try:
            member = Member(root, number=number, seed=seed)
            member.work(num_operations)
            diary.write_bytes(pickle.dumps(member.diary))
        except BaseException:  # noqa: BLE001  # the edge of a process
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return process
