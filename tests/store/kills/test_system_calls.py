"""The same kills and errors without strace, counted over all threads: also those that collect in parallel."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.store.kills.calls import CountedCalls, changes, die, refuse, worth_it
from tests.store.kills.campaign import Campaign
from tests.store.kills.scenarios import SCENARIOS, Act, Scenario
from tests.store.kills.victim import Outcome

from heredity.store import LocalBackend, Store, open_store
from heredity.store.backends.posix import SystemCalls

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),  # from Python 3.12 on
]
_ERRORS = (errno.ENOSPC, errno.EIO, errno.ESTALE, errno.EDQUOT)
# One of each kind; with strace it is all of them.
NAMES = {"save of a child that shares", "ref moved", "drop of a father in use", "collect", "lease renewed"}
CHOSEN = [scenario for scenario in SCENARIOS if scenario.name in NAMES]


class Interrupted:
    """A campaign whose victims count their own calls."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario = scenario
        self._campaign = Campaign(scenario, folder=folder)
        self._root = folder / "store"
        self._counted = CountedCalls()

    def ordinals(self) -> list[int]:
        """At which calls it is worth to interrupt."""
        self._campaign.restore()
        self._prepare(self._counted, self._counted.store(self._root))()
        return worth_it(self._counted.made, most_looks=4)

    def moments(self, nth: int) -> list[bool]:
        """Whether to interrupt it before or after this call, or once each."""
        return [False, True] if changes(self._counted.made[nth - 1]) else [False]

    def interrupt(self, nth: int, act: Callable[[], None], *, after: bool) -> Outcome:
        """Let `act` happen at the n-th call in a victim, and look at what it leaves."""
        counted = CountedCalls(nth=nth, act=act, after=after)
        victim = self._campaign.victim(counted.store, partial(self._prepare, counted))
        victim.go_on()
        outcome = victim.end()
        self._campaign.check(outcome)
        return outcome

    def _prepare(self, counted: CountedCalls, store: Store) -> Act:
        act = self._scenario.prepare(store)
        counted.arm()
        return act


@pytest.mark.parametrize("scenario", CHOSEN, ids=str)
def test_killed_before_or_after_any_call_it_leaves_all_or_nothing(scenario: Scenario, tmp_path: Path) -> None:
    interrupted = Interrupted(scenario, tmp_path)
    killed = [
        interrupted.interrupt(nth, die, after=after).was_killed
        for nth in interrupted.ordinals()
        for after in interrupted.moments(nth)
    ]
    assert all(killed[:4])
    assert killed.count(False) <= 2, "threads may come to a call in another order, at the end"


@pytest.mark.parametrize("scenario", CHOSEN, ids=str)
def test_refused_at_any_call_it_says_so_and_can_be_repeated(scenario: Scenario, tmp_path: Path) -> None:
    interrupted = Interrupted(scenario, tmp_path)
    outcomes = []
    for nth in interrupted.ordinals():
        # Another error each time; which one it is, is told at one place only.
        error = _ERRORS[nth % len(_ERRORS)]
        outcomes.append(interrupted.interrupt(nth, partial(refuse, error), after=False))
    assert any(outcome.error for outcome in outcomes)


def test_a_scenario_that_lost_something_would_be_found(tmp_path: Path) -> None:
    """The check itself: a child that is not whole, and a drop that took too much."""
    campaign = Campaign(CHOSEN[0], folder=tmp_path)
    campaign.restore()
    store = open_store(tmp_path / "store")
    store.put("son", {})
    with pytest.raises(AssertionError):
        campaign.check(Outcome(None, None, ""))
    campaign.restore()
    open_store(tmp_path / "store").drop("father")
    with pytest.raises(AssertionError):
        campaign.check(Outcome(None, None, ""))


def test_making_a_store_syncs_every_directory_that_got_an_entry(tmp_path: Path) -> None:
    """Else a power cut takes the store away with all that was acknowledged in it."""
    synced: set[str] = set()

    def fsync(file: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{file}").readlink()))

    LocalBackend(tmp_path / "a/b/store", system=SystemCalls(fsync=fsync)).make_directories(["t/00/"])
    assert synced == {str(tmp_path / name) for name in (".", "a", "a/b", "a/b/store", "a/b/store/t")}
