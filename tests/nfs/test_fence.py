"""A writer that slept over a sweep can publish nothing: the fence on which collection without locks rests."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from tests.nfs import acts
from tests.nfs.lab.laboratory import until
from tests.nfs.site import Share

from heredity.errors import WriteSwept
from heredity.store import LocalBackend

pytestmark = pytest.mark.nfs


class Sleeper:
    """A process on c1 that is stopped between its last check and its link."""

    def __init__(self, share: Share, name: str) -> None:
        self._share = share
        share.c1.call(acts.make_backend, share.root)
        self._python = share.site.laboratory.interpreter("c1")
        self._put = self._python.begin(acts.put_stopping_before_link, share.root, name, b"of the sleeper")
        until(self._is_stopped, what="the writer has stopped")

    def _is_stopped(self) -> bool:
        status = Path(f"/proc/{self._python.process_id}/status")
        return "State:\tT" in self._share.c1.call(Path.read_text, status)

    def wake(self) -> bool:
        """Let it go on; return what it is told about its name."""
        self._share.site.laboratory.shell("c1", f"kill -CONT {self._python.process_id}")
        return self._put.result()


def test_a_writer_that_slept_over_a_sweep_is_told_and_puts_nothing(share: Share) -> None:
    sleeper = Sleeper(share, "a/x")
    c2 = share.c2.keep(LocalBackend, share.root)
    share.c2.call(acts.sweep_all, c2)
    with pytest.raises(WriteSwept):
        sleeper.wake()
    assert not share.c2.call(LocalBackend.exists, c2, "a/x")
    assert share.server.call(acts.files_below, share.on_server) == []


def test_a_writer_that_was_swept_does_not_take_another_s_file_for_its_own(share: Share) -> None:
    """Also if that has the number of its inode, which file systems give away again at once."""
    sleeper = Sleeper(share, "a/x")
    c2 = share.c2.keep(LocalBackend, share.root)
    share.c2.call(acts.sweep_all, c2)
    assert share.c2.call(acts.put, c2, "a/x", b"of the other")
    with suppress(WriteSwept):  # as good as being told that the name is taken
        assert not sleeper.wake()
    assert share.c2.call(acts.content_of, c2, "a/x") == b"of the other"


def test_a_writer_that_slept_over_no_sweep_goes_on(share: Share) -> None:
    sleeper = Sleeper(share, "a/x")
    c2 = share.c2.keep(LocalBackend, share.root)
    share.c2.call(acts.sweep_all, c2, seconds_ago=3600)
    assert sleeper.wake()
    assert share.c2.call(acts.content_of, c2, "a/x") == b"of the sleeper"


def test_of_a_sleeper_and_another_writer_one_wins(share: Share) -> None:
    sleeper = Sleeper(share, "a/x")
    c2 = share.c2.keep(LocalBackend, share.root)
    assert share.c2.call(acts.put, c2, "a/x", b"of the other")
    assert not sleeper.wake()
    assert share.c2.call(acts.content_of, c2, "a/x") == b"of the other"
