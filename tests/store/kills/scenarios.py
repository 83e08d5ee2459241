"""What is interrupted: each scenario fills a store, prepares an operation, and does it again later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from heredity.store import Store, open_store

NOW = timedelta(0)
# Above the size from which checkpoints share also without being parent and child; a few blocks of a disk.
SHARED = np.arange(5000, dtype=np.float32)
OWN = SHARED + 1
NEW = SHARED + 2

Act = Callable[[], object]


@dataclass(frozen=True)
class Scenario:
    """An operation under test.

    Args:
        name: What happens.
        fill: Makes a store and all that was acknowledged before.
        prepare: Makes what the operation needs, with a store that was just opened, and returns the operation.
        again: What a user does who does not know whether the operation came through; by default, the same.
        after: What else holds once it has been repeated.
    """

    name: str
    fill: Callable[[Path], object]
    prepare: Callable[[Store], Act]
    again: Callable[[Path], object] | None = None
    after: Callable[[Path], None] = lambda _root: None

    def repeat(self, root: Path) -> None:
        """Do it blindly once more."""
        if self.again is None:
            self.prepare(open_store(root))()
        else:
            self.again(root)

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def _father(root: Path) -> Store:
    store = open_store(root)
    store.put("father", {"shared": SHARED, "own": OWN}, score=0.5, graph={"layers": [1, 2, 3]})
    return store


def _family(root: Path) -> Store:
    store = _father(root)
    store.put("child", {"shared": SHARED, "new": NEW}, parents=["father"])
    store.put("hermit", {"alone": NEW + 1})
    return store


def _with_ref(root: Path) -> Store:
    store = _family(root)
    store.refs.set("best", "father")
    return store


def _with_leftovers(root: Path) -> Store:
    """Dropped checkpoints of every kind, half a save of a dead writer, and a file that was retired."""
    store = _family(root)
    store.put("grandchild", {"shared": SHARED, "new": NEW, "more": NEW + 2}, parents=["child"])
    for number in range(3):
        store.put(f"gone/{number}", {"w": NEW + 10 + number})
    for key in ("father", "child", "gone/0", "gone/1", "gone/2"):
        store.drop(key)
    store.abandon("never", reason="its trial failed")
    (root / "tmp/1-dead").write_bytes(b"half a file")
    (root / "trash/retired").write_bytes(b"what was a file")
    return store


def _pinned(root: Path) -> None:
    store = _father(root)
    store.put("pinned", {"w": NEW})
    store.pin(["pinned"], owner="somebody else")
    store.drop("pinned")


def _save_first(store: Store) -> Act:
    return lambda: store.put("first", {"w": SHARED, "v": OWN}, metadata={"epoch": 3}, graph={"n": 1})


def _save_child(store: Store) -> Act:
    father = store["father"]
    return lambda: store.put("son", {"shared": SHARED, "new": NEW}, parents=[father], score=0.7)


def _save_again(store: Store) -> Act:
    return lambda: store.put("child", {"shared": SHARED, "new": NEW}, parents=["father"])


def _make_ref(store: Store) -> Act:
    return lambda: store.refs.swap("best", "child", expected=None)


def _move_ref(store: Store) -> Act:
    seen = store.refs["best"]
    return lambda: store.refs.swap("best", "child", expected=seen)


def _ref_again(root: Path) -> None:
    store = open_store(root)
    seen = store.refs.get("best")
    if seen is None or seen.key != "child":
        store.refs.swap("best", "child", expected=seen)


def _has_moved(times: int) -> Callable[[Path], None]:
    """However often it was tried, it has moved once."""

    def check(root: Path) -> None:
        assert open_store(root).refs["best"].number == times

    return check


def _drop(key: str) -> Callable[[Store], Act]:
    def prepare(store: Store) -> Act:
        return lambda: store.drop(key, reason="too weak")

    return prepare


def _abandon(store: Store) -> Act:
    return lambda: store.abandon("son", reason="its trial failed")


def _collect(store: Store) -> Act:
    return lambda: store.collect(grace=NOW)


def _pin(store: Store) -> Act:
    return lambda: store.pin(["child", "hermit"])


def _renew(store: Store) -> Act:
    lease = store.pin(["hermit"])
    store.drop("hermit")
    return lease.renew


def _release(store: Store) -> Act:
    return store.pin(["hermit"]).release


def _still_holds(root: Path) -> None:
    """A lease that was taken holds, however often its renewal was cut short."""
    assert open_store(root).collect(grace=NOW, dry_run=True).num_pinned == 1


def _open(store: Store) -> Act:
    return lambda: open_store(f"{store.url}/new")


def _is_usable(root: Path) -> None:
    store = open_store(root / "new")
    store.put("father", {"w": SHARED})
    assert store.verify() == []


SCENARIOS = (
    Scenario("save without parents", _father, _save_first),
    Scenario("save of a child that shares", _father, _save_child),
    Scenario("save of the same again", _family, _save_again),
    Scenario("ref made", _family, _make_ref, again=_ref_again, after=_has_moved(1)),
    Scenario("ref moved", _with_ref, _move_ref, again=_ref_again, after=_has_moved(2)),
    Scenario("drop of a father in use", _family, _drop("father")),
    Scenario("drop of a hermit", _family, _drop("hermit")),
    Scenario("name given up", _family, _abandon),
    Scenario("collect", _with_leftovers, _collect),
    Scenario("collect beside a lease", _pinned, _collect, after=_still_holds),
    Scenario("lease taken", _family, _pin),
    Scenario("lease renewed", _family, _renew, again=lambda _root: None, after=_still_holds),
    Scenario("lease released", _family, _release),
    Scenario("store made", _family, _open, after=_is_usable),
)
