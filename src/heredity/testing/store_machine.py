"""A state machine for stores: whatever is done in whatever order, a store behaves as a few dicts do.

Derive from it and say where the store lies::

    class MyStore(StoreMachine):
        def begin(self) -> None: ...  # make an empty place
        def reopened(self) -> Store: ...  # a new object for the same store

    TestMyStore = MyStore.TestCase
"""
# ruff: noqa: ANN401, FBT001, S101, SLF001, D102  # rules of Hypothesis, whose names are their sentences

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from heredity.errors import (
    CheckpointDropped,
    CheckpointNotFound,
    InputError,
    KeyTaken,
    RefMoved,
    RefNotFound,
)
from heredity.store import Checkpoint, Lease, Ref, Store
from heredity.store.backends import Backend

KEYS = st.sampled_from(["a", "b/c", "b/d", ".e", "é", "f", "g"])
REFS = st.sampled_from(["best", "supernet/latest"])
# Few values, so that contents meet; some above the size from which strangers share, some below.
TENSORS = st.dictionaries(
    st.sampled_from(["w", "b", "tied"]),
    st.builds(
        lambda value, size: np.full(size, value, dtype=np.float32),
        st.sampled_from([0.0, 1.0, np.nan]),
        st.sampled_from([(), (0,), (3,), (2000,)]),
    ),
)
Content = tuple[dict[str, bytes], tuple[str, ...], float | None, object]


class Crash(Exception):
    """A writer is gone in the middle of its work."""


def content_of(checkpoint: Checkpoint) -> Content:
    """All that a checkpoint holds, in a form that can be compared."""
    tensors = {name: array.tobytes() for name, array in checkpoint.tensors().items()}
    return tensors, checkpoint.parents, checkpoint.score, checkpoint.graph


class StoreMachine(RuleBasedStateMachine):
    """Save, load, drop, collect, pin, move refs, crash and reopen, against a few dicts."""

    @initialize()
    def open(self) -> None:
        self.live: dict[str, Content] = {}
        self.dropped: dict[str, bool] = {}  # whether it had ever been there
        self.refs: dict[str, str] = {}
        self.seen: dict[str, Ref] = {}
        self.leases: list[tuple[Lease, Checkpoint, Content]] = []
        self.begin()
        self.store = self.reopened()

    @abstractmethod
    def begin(self) -> None:
        """Make an empty place for a store."""

    @abstractmethod
    def reopened(self) -> Store:
        """A new object for the store of this run."""

    # The least grace that the place allows; `collector` sees the place when it has passed.
    grace = timedelta(0)

    def collector(self) -> Store:
        """The store for which the grace has passed since whatever was done."""
        return self.store

    @rule(
        key=KEYS,
        tensors=TENSORS,
        data=st.data(),
        score=st.none() | st.just(0.5),
        graph=st.none() | st.just({"n": 1}),
        crash=st.sampled_from([None, None, None, "before", "after"]),
    )
    def put(
        self,
        key: str,
        tensors: dict[str, Any],
        data: st.DataObject,
        score: float | None,
        graph: Any,
        crash: str | None,
    ) -> None:
        were = [each for each, was_there in self.dropped.items() if was_there]
        others = sorted({*self.live, *were} - {key})
        parents = (
            tuple(data.draw(st.lists(st.sampled_from(others), unique=True, max_size=2))) if others else ()
        )
        content = ({name: array.tobytes() for name, array in tensors.items()}, parents, score, graph)
        if key in self.dropped or self.live.get(key, content) != content:
            with pytest.raises(KeyTaken):
                self.store.put(key, tensors, parents=parents, score=score, graph=graph)
        elif crash and key not in self.live:
            self.crash_in_put(key, tensors, parents, score, graph, after=crash == "after")
            if crash == "after":
                self.live[key] = content
        else:
            assert self.store.put(key, tensors, parents=parents, score=score, graph=graph).key == key
            self.live[key] = content

    def crash_in_put(
        self, key: str, tensors: Any, parents: Any, score: Any, graph: Any, *, after: bool
    ) -> None:
        """A writer that dies before its commit leaves nothing; one that dies after it, all."""
        backend: Backend = self.store._backend
        put_once = backend.put_once

        def dying(name: str, content: Any, *, before_commit: Any = None) -> bool:
            if after:
                put_once(name, content, before_commit=before_commit)
                raise Crash

            def die() -> None:
                raise Crash

            return put_once(name, content, before_commit=die)

        backend.put_once = dying  # type: ignore[method-assign]  # for one call
        try:
            with pytest.raises(Crash):
                self.store.put(key, tensors, parents=parents, score=score, graph=graph)
        finally:
            del backend.put_once

    @rule(key=KEYS)
    def load(self, key: str) -> None:
        assert (key in self.store) == (key in self.live)
        if key in self.live:
            assert content_of(self.store[key]) == self.live[key]
            return
        with pytest.raises(CheckpointDropped if key in self.dropped else CheckpointNotFound):
            self.store[key]

    @rule(key=KEYS)
    def drop(self, key: str) -> None:
        if key in self.refs.values():
            with pytest.raises(InputError):
                self.store.drop(key)
        elif key in self.live:
            self.store.drop(key)
            del self.live[key]
            self.dropped[key] = True
        elif key in self.dropped:
            self.store.drop(key)
        else:
            with pytest.raises(CheckpointNotFound):
                self.store.drop(key)

    @rule(key=KEYS)
    def abandon(self, key: str) -> None:
        if key in self.live:
            with pytest.raises(KeyTaken):
                self.store.abandon(key)
        else:
            self.store.abandon(key)
            self.dropped.setdefault(key, False)

    @rule()
    def collect(self) -> None:
        plan = self.collector().collect(grace=self.grace, dry_run=True)
        done = self.collector().collect(grace=self.grace)
        assert done.freed == plan.freed
        assert {each.key for each in done.freed} <= self.dropped.keys()

    @rule()
    def collect_with_a_long_grace(self) -> None:
        assert self.store.collect(grace=timedelta(days=1)).freed == ()

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def pin(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.live)))
        self.leases.append((self.store.pin([key], seconds=1e9), self.store[key], self.live[key]))

    @precondition(lambda self: self.leases)
    @rule(renews=st.booleans())
    def use_a_lease(self, renews: bool) -> None:
        lease, checkpoint, content = self.leases[0]
        assert content_of(checkpoint) == content
        if renews:
            lease.renew()
        else:
            lease.release()
            self.leases.pop(0)

    @rule(name=REFS, key=KEYS)
    def move(self, name: str, key: str) -> None:
        if key not in self.live:
            with pytest.raises(CheckpointNotFound):
                self.store.refs.set(name, key)
            return
        current, seen = self.store.refs.get(name), self.seen.get(name)
        if seen is not None and seen != current:
            with pytest.raises(RefMoved):
                self.store.refs.swap(name, key, expected=seen)
        self.seen[name] = self.store.refs.swap(name, key, expected=current)
        self.refs[name] = key

    @rule(name=REFS, deletes=st.booleans())
    def look_at(self, name: str, deletes: bool) -> None:
        if name in self.refs:
            assert self.store.refs[name].key == self.refs[name]
        else:
            with pytest.raises(RefNotFound):
                self.store.refs[name]
        if deletes:
            self.store.refs.delete(name)
            self.refs.pop(name, None)

    @rule()
    def reopen(self) -> None:
        self.store = self.reopened()

    @invariant()
    def lists_what_is_there(self) -> None:
        assert {checkpoint.key for checkpoint in self.store.checkpoints()} == self.live.keys()
        assert list(self.store.refs) == sorted(self.refs)

    def teardown(self) -> None:
        assert self.store.verify() == []
        for key, content in self.live.items():
            assert content_of(self.reopened()[key]) == content
