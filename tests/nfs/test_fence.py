"""A writer that slept over a sweep can publish nothing: the fence on which collection without locks rests."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Generic, TypeVar

import pytest
from tests.nfs import acts
from tests.nfs.lab.laboratory import until
from tests.nfs.lab.remote import Interpreter, Pending
from tests.nfs.site import Share

from heredity.errors import WriteSwept
from heredity.store import LocalBackend, Store, open_store

pytestmark = pytest.mark.nfs


T = TypeVar("T")


class Sleeper(Generic[T]):
    """A process on c1 that is stopped between its last check and its link."""

    def __init__(self, share: Share, begin: Callable[[Interpreter], Pending[T]]) -> None:
        self._share = share
        self._python = share.site.laboratory.interpreter("c1")
        self._write = begin(self._python)
        until(self._is_stopped, what="the writer has stopped")

    def _is_stopped(self) -> bool:
        status = Path(f"/proc/{self._python.process_id}/status")
        return "State:\tT" in self._share.c1.call(Path.read_text, status)

    def wake(self) -> T:
        """Let it go on; return what it is told."""
        self._share.site.laboratory.shell("c1", f"kill -CONT {self._python.process_id}")
        return self._write.result()


def sleeper_with(share: Share, name: str) -> Sleeper[bool]:
    """One that puts a name."""
    share.c1.call(acts.make_backend, share.root)
    return Sleeper(
        share,
        lambda python: python.begin(acts.put_stopping_before_link, share.root, name, b"of the sleeper"),
    )


def test_a_writer_that_slept_over_a_sweep_is_told_and_puts_nothing(share: Share) -> None:
    sleeper = sleeper_with(share, "a/x")
    c2 = share.c2.keep(LocalBackend, share.root)
    share.c2.call(acts.sweep_all, c2)
    with pytest.raises(WriteSwept):
        sleeper.wake()
    assert not share.c2.call(LocalBackend.exists, c2, "a/x")
    assert share.server.call(acts.files_below, share.on_server) == []


def test_a_writer_that_was_swept_does_not_take_another_s_file_for_its_own(share: Share) -> None:
    """Also if that has the number of its inode, which file systems give away again at once."""
    sleeper = sleeper_with(share, "a/x")
    c2 = share.c2.keep(LocalBackend, share.root)
    share.c2.call(acts.sweep_all, c2)
    assert share.c2.call(acts.put, c2, "a/x", b"of the other")
    with suppress(WriteSwept):  # as good as being told that the name is taken
        assert not sleeper.wake()
    assert share.c2.call(acts.content_of, c2, "a/x") == b"of the other"


def test_a_writer_that_slept_over_no_sweep_goes_on(share: Share) -> None:
    sleeper = sleeper_with(share, "a/x")
    c2 = share.c2.keep(LocalBackend, share.root)
    share.c2.call(acts.sweep_all, c2, seconds_ago=3600)
    assert sleeper.wake()
    assert share.c2.call(acts.content_of, c2, "a/x") == b"of the sleeper"


def test_of_a_sleeper_and_another_writer_one_wins(share: Share) -> None:
    sleeper = sleeper_with(share, "a/x")
    c2 = share.c2.keep(LocalBackend, share.root)
    assert share.c2.call(acts.put, c2, "a/x", b"of the other")
    assert not sleeper.wake()
    assert share.c2.call(acts.content_of, c2, "a/x") == b"of the other"


def test_a_child_that_was_being_saved_while_its_parent_was_collected_is_whole(share: Share) -> None:
    """It meant to draw on the parent's file, and has all of the weights in its own now."""
    second = share.c2.keep(open_store, share.root)
    share.c2.call(acts.save, second, "parent", megabytes=1, value=7)
    sleeper = Sleeper(
        share,
        lambda python: python.begin(
            acts.save_child_stopping_before_link, share.root, parent="parent", child="child"
        ),
    )
    share.c2.call(Store.drop, second, "parent")
    for _ in range(2):
        share.c2.call(Store.collect, second, grace=timedelta(0))
    assert not any(
        "parent" in name and "drop" not in name
        for name in share.server.call(acts.files_below, share.on_server)
    )
    sleeper.wake()
    assert share.c2.call(acts.value_of, second, "child") == 7
    assert [problem.key for problem in share.c2.call(Store.verify, second)] == []
