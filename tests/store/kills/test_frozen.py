"""A process that slept, however long and wherever, spoils nothing, and is not spoiled by what others did."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.store.kills.calls import CountedCalls, freeze, worth_it
from tests.store.kills.campaign import is_expected
from tests.store.kills.scenarios import NEW, NOW, OWN, SHARED
from tests.store.kills.snapshot import snapshot_of
from tests.store.kills.victim import Outcome, Victim

from heredity.store import LocalBackend, Store, open_store
from heredity.store.backends.posix import SystemCalls

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),  # from Python 3.12 on
]
CONTENT = {"shared": SHARED, "new": NEW}


@pytest.fixture
def father(root: Path) -> Store:
    """A store with a father of whom a child will want something."""
    store = open_store(root)
    store.put("father", {"shared": SHARED, "own": OWN})
    return store


def same(root: Path, key: str, tensors: Mapping[str, np.ndarray[Any, Any]]) -> bool:
    found = open_store(root, verify="always")[key].tensors()
    return found.keys() == tensors.keys() and all(
        np.array_equal(found[name], tensors[name]) for name in tensors
    )


def save_child(
    opened: Callable[[Path], Store], counted: CountedCalls | None, root: Path
) -> Callable[[], object]:
    store = opened(root)
    store["father"].tensors()
    if counted is not None:
        counted.arm()
    return lambda: store.put("child", CONTENT, parents=["father"])


def frozen_writer(root: Path, counted: CountedCalls) -> Victim:
    """A writer of a child, asleep within its save."""
    writer = Victim(partial(save_child, counted.store, counted, root))
    writer.go_on()
    writer.wait_until_stopped()
    return writer


def free_the_father(root: Path) -> None:
    store = open_store(root)
    store.drop("father")
    assert [each.key for each in store.collect(grace=NOW).freed] == ["father"]


def woken(writer: Victim) -> Outcome:
    writer.go_on()
    return writer.end()


@pytest.mark.parametrize(
    ("call", "after"),
    [("link", False), ("close", False), ("fsync", False), ("write", True)],
    ids=["between-last-look-and-link", "before-the-last-look", "before-writing", "after-writing"],
)
def test_a_writer_whose_father_was_freed_while_it_slept_writes_all_itself(
    father: Store, root: Path, call: str, after: bool
) -> None:
    writer = frozen_writer(root, CountedCalls(nth=1, act=freeze, after=after, call=call))
    free_the_father(root)
    outcome = woken(writer)
    assert outcome.is_done, outcome.traceback
    assert same(root, "child", CONTENT)
    assert open_store(root)["child"].own_bytes == SHARED.nbytes + NEW.nbytes
    assert open_store(root).verify() == []


def test_a_writer_that_wakes_while_a_collector_sleeps_has_been_fenced_off(father: Store, root: Path) -> None:
    """What the collector has listed is old, and does not hold the child; so the child must not draw on it."""
    writer = frozen_writer(root, CountedCalls(nth=1, act=freeze, call="link"))
    father.drop("father")
    collector = Victim(partial(collecting, CountedCalls(nth=1, act=freeze, call="rename"), root))
    collector.go_on()
    collector.wait_until_stopped()
    assert woken(writer).is_done
    assert woken(collector).is_done
    assert same(root, "child", CONTENT)
    assert open_store(root).verify() == []


def half_a_write(file: int, buffers: list[memoryview]) -> int:
    """Takes half of the first piece, and falls asleep."""
    taken = os.write(file, buffers[0][: len(buffers[0]) // 2])
    freeze()
    return taken


def test_a_writer_that_slept_in_the_midst_of_writing_begins_again(father: Store, root: Path) -> None:
    first = [half_a_write]

    def write(file: int, buffers: list[memoryview]) -> int:
        return (first.pop() if first else os.writev)(file, buffers)

    def opened(root: Path) -> Store:
        return Store(LocalBackend(root, system=SystemCalls(write=write)), store_id=father.store_id)

    writer = Victim(partial(save_child, opened, None, root))
    writer.go_on()
    writer.wait_until_stopped()
    free_the_father(root)
    assert woken(writer).is_done
    assert same(root, "child", CONTENT)
    assert open_store(root).verify() == []


def test_a_writer_that_slept_over_its_father_s_end_at_any_call_saves_all_or_says_why(
    tmp_path: Path,
) -> None:
    """At each system call of a save. Whatever it says, nothing can be seen that cannot be read."""
    for nth in range(1, num_calls_of_a_save(tmp_path / "count") + 1):
        root = tmp_path / str(nth)
        open_store(root).put("father", {"shared": SHARED, "own": OWN})
        writer = frozen_writer(root, CountedCalls(nth=nth, act=freeze))
        open_store(root).drop("father")
        open_store(root).collect(grace=NOW)
        outcome = woken(writer)
        assert outcome.is_done or (outcome.error and is_expected(outcome.error)), outcome.traceback
        # Where it had committed before it fell asleep, it keeps what it shares.
        assert same(root, "child", CONTENT) or not outcome.is_done
        assert open_store(root).verify() == []


def num_calls_of_a_save(root: Path) -> int:
    open_store(root).put("father", {"shared": SHARED, "own": OWN})
    counted = CountedCalls()
    save_child(counted.store, counted, root)()
    return len(counted.made)


def with_garbage(root: Path) -> Store:
    """A father in use and dropped, and two that nobody needs."""
    store = open_store(root)
    store.put("father", {"shared": SHARED, "own": OWN})
    store.put("child", CONTENT, parents=["father"])
    for number in range(2):
        store.put(f"gone/{number}", {"w": NEW + 1 + number})
        store.drop(f"gone/{number}")
    store.drop("father")
    return store


def collecting(counted: CountedCalls, root: Path) -> Callable[[], object]:
    store = counted.store(root)
    counted.arm()
    return lambda: store.collect(grace=NOW)


def live_on(root: Path) -> None:
    """What goes on in the meantime: children of children are saved, their parents dropped, all collected."""
    store = open_store(root)
    store.put("grandchild", {**CONTENT, "more": NEW + 5}, parents=["child"])
    store.put("nephew", CONTENT, parents=["child"])
    store.drop("child")
    store.collect(grace=NOW)
    store.put("late", {"shared": SHARED, "more": NEW + 5}, parents=["grandchild"])
    store.drop("grandchild")


def check_what_lives(root: Path) -> None:
    assert same(root, "nephew", CONTENT)
    assert same(root, "late", {"shared": SHARED, "more": NEW + 5})
    assert snapshot_of(root).live.keys() == {"nephew", "late"}


def test_a_collector_that_slept_anywhere_frees_nothing_that_is_needed_now(tmp_path: Path) -> None:
    """Also between its listing and its first rename, when what it knows is old."""
    counted = CountedCalls()
    with_garbage(tmp_path / "count")
    collecting(counted, tmp_path / "count")()
    first_rename = counted.made.index("rename") + 1
    for nth in sorted({*worth_it(counted.made, most_looks=12), first_rename}):
        root = tmp_path / str(nth)
        with_garbage(root)
        collector = Victim(partial(collecting, CountedCalls(nth=nth, act=freeze), root))
        collector.go_on()
        collector.wait_until_stopped()
        live_on(root)
        assert woken(collector).is_done
        check_what_lives(root)


def test_a_collector_asleep_before_its_first_rename_still_frees_what_it_found(root: Path) -> None:
    with_garbage(root)
    collector = Victim(partial(collecting, CountedCalls(nth=1, act=freeze, call="rename"), root))
    collector.go_on()
    collector.wait_until_stopped()
    store = open_store(root)
    store.put("nephew", CONTENT, parents=["child"])
    assert woken(collector).is_done
    assert store.collect(grace=NOW).freed == ()
    assert same(root, "nephew", CONTENT)
    assert open_store(root).verify() == []
