"""One scenario, interrupted at one point after another: nothing is lost, and what is visible is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.store.kills.scenarios import NOW, Scenario
from tests.store.kills.snapshot import Snapshot, files_of, garbage_in, snapshot_of
from tests.store.kills.strace import Point, Strace, points_in, program
from tests.store.kills.victim import Outcome, Victim

from heredity.errors import HeredityError, StoreLocationError, StoreUnavailable
from heredity.store import Store, open_store

KILL = "signal=KILL"
ERRORS = ("ENOSPC", "EIO", "EDQUOT", "ESTALE", "EINTR")


class Campaign:
    """A scenario's store before and after the operation, and copies of it to hurt.

    Args:
        scenario: What is done.
        folder: Where the stores are made, each for one victim.
    """

    def __init__(self, scenario: Scenario, *, folder: Path) -> None:
        self._scenario = scenario
        self._folder = folder
        self._template = folder / "template"
        scenario.fill(self._template)
        self._root = folder / "store"
        self.restore()
        undisturbed = self._root
        act = scenario.prepare(open_store(undisturbed))
        self._before = snapshot_of(undisturbed)
        act()
        self._after = snapshot_of(undisturbed)
        self._tidy(undisturbed)
        self._files = files_of(undisturbed)

    def points(self) -> list[Point]:
        """Where the operation can be interrupted: each system call that touches files, and the next."""
        log = self._folder / "calls"
        outcome = self._trace(log=log, inject=None)
        assert outcome.is_done, outcome.traceback
        return points_in(log)

    def interrupt(self, point: Point, how: str) -> Outcome:
        """Let a victim be killed or get an error at a point, and look at what it leaves behind.

        Raises:
            AssertionError: Something was lost, is half there, or cannot be repeated.
        """
        inject = f"{point.call}:{how}:when={point.nth}"
        outcome = self._trace(log=self._folder / "injected", inject=inject)
        self.check(outcome)
        return outcome

    def _trace(self, *, log: Path, inject: str | None) -> Outcome:
        program()  # if it is missing, say so before anybody waits for it
        victim = self.victim(open_store)
        with Strace(victim.process_id, log=log, inject=inject):
            victim.go_on()
            return victim.end()

    def victim(
        self, opened: Callable[[Path], Store], prepare: Callable[[Store], Callable[[], object]] | None = None
    ) -> Victim:
        """A process that has prepared the operation in a store as it was before."""
        self.restore()
        prepared = prepare or self._scenario.prepare
        return Victim(lambda: prepared(opened(self._root)))

    def check(self, outcome: Outcome) -> None:
        """Look at what a victim has left behind.

        Raises:
            AssertionError: Something was lost, is half there, or cannot be repeated.
        """
        assert is_expected(outcome.error) if outcome.error else not outcome.traceback, outcome.traceback
        seen = snapshot_of(self._root)
        assert seen in ([self._after] if outcome.is_done else [self._before, self._after])
        self._check_repetition(self._root, seen)

    def _check_repetition(self, root: Path, seen: Snapshot) -> None:
        """Once more by somebody who does not know what happened, and a collection after it."""
        if seen != self._before:
            self._tidy(root)
            assert snapshot_of(root) == seen, "a collection took what was needed"
        self._scenario.repeat(root)
        assert snapshot_of(root) == self._after
        self._tidy(root)
        assert snapshot_of(root) == self._after, "a collection took what was needed"
        assert garbage_in(root) == []
        assert files_of(root) == self._files
        self._scenario.after(root)

    def _tidy(self, root: Path) -> None:
        # Twice, since what a collection retires last is freed by the next.
        for _ in range(2):
            open_store(root).collect(grace=NOW)

    def restore(self) -> None:
        """Make the store what it was, leaving its folders where they are: to make them anew is slow."""
        for folder, folders, files in os.walk(self._root, topdown=False):
            there = self._template / Path(folder).relative_to(self._root)
            for name in files:
                Path(folder, name).unlink()
            for name in folders:
                if not (there / name).exists():
                    Path(folder, name).rmdir()
        shutil.copytree(self._template, self._root, dirs_exist_ok=True)


def is_expected(error: HeredityError) -> bool:
    """Whether it tells the caller that the place failed, and nothing else."""
    return isinstance(error, StoreUnavailable | StoreLocationError)
