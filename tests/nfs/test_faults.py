"""Servers restart, machines die, replies get lost and disks fill up: a save is whole, or it never was."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.nfs import acts
from tests.nfs.lab.laboratory import until
from tests.nfs.site import Share

from heredity.errors import CheckpointNotFound, StoreUnavailable
from heredity.store import LocalBackend, Store, open_store

pytestmark = pytest.mark.nfs


def test_a_link_whose_reply_was_lost_in_a_restart_of_the_server_is_a_success(share: Share) -> None:
    """The request is repeated, and the new server, which knows nothing of it, finds the name taken."""
    network = share.site.laboratory.network
    share.c1.call(acts.make_backend, share.root)
    gate = share.c1.keep(acts.Gate)
    putting = share.c1.begin(acts.put_with_gate_at_link, share.root, "a/x", b"of c1", gate=gate)
    share.c1.call(acts.Gate.wait_until_reached, gate)
    network.deafen("c1")
    share.c1.call(acts.Gate.open, gate)
    until(lambda: share.server.call(acts.exists, share.on_server / "a" / "x"), what="the link is made")
    share.site.kill("server")
    network.heal("c1")
    revive_server(share)
    assert putting.result()
    second = share.c2.keep(LocalBackend, share.root)
    assert share.c2.call(acts.content_of, second, "a/x") == b"of c1"
    assert not share.c2.call(acts.put, second, "a/x", b"of c2")


def revive_server(share: Share) -> None:
    """Start the server again, and let the clients notice.

    If the old server has taken all of a request and died before its reply, the client has nothing to send
    again and waits for its ``timeo``, a minute; any other request on that connection ends this. And the new
    server of v4 waits for the clients of the old one, to see which files they had open.
    """
    share.site.revive("server")
    for client in (share.c1, share.c2):
        client.begin(acts.exists, Path(share.mount, "nothing"))


def wait_for_bytes(share: Share) -> None:
    """Return when something of an unfinished save is on the server."""
    until(lambda: share.server.call(acts.tmp_bytes, share.on_server) > 1_000_000, what="a save is under way")


def test_a_save_outlasts_a_restart_of_the_server(share: Share) -> None:
    first = share.c1.keep(open_store, share.root)
    saving = share.c1.begin(acts.save, first, "x", megabytes=80, value=7)
    wait_for_bytes(share)
    share.site.kill("server")
    revive_server(share)
    saving.result()
    second = share.c2.keep(open_store, share.root)
    assert share.c2.call(acts.value_of, second, "x") == 7


def test_what_was_acknowledged_outlives_the_server(share: Share) -> None:
    """The server's power is cut at the moment of the acknowledgement."""
    first = share.c1.keep(open_store, share.root)
    share.c1.call(acts.save, first, "x", megabytes=10, value=7)
    share.site.kill("server")
    revive_server(share)
    second = share.c2.keep(open_store, share.root)
    assert share.c2.call(acts.value_of, second, "x") == 7
    assert share.c2.call(Store.verify, second) == []


def test_a_machine_that_dies_while_it_saves_leaves_nothing_incomplete(share: Share) -> None:
    first, second = share.c1.keep(open_store, share.root), share.c2.keep(open_store, share.root)
    for number in range(5):
        share.c1.call(acts.save, first, f"k{number}", megabytes=1, value=number)
    share.c1.begin(acts.save, first, "unfinished", megabytes=80, value=7)
    wait_for_bytes(share)
    share.site.kill("c1")
    assert not share.c2.call(acts.has, second, "unfinished")
    assert share.c2.call(Store.verify, second) == []
    assert [share.c2.call(acts.value_of, second, f"k{number}") for number in range(5)] == list(range(5))
    assert share.server.call(acts.tmp_bytes, share.on_server)
    backend = share.c2.keep(LocalBackend, share.root)
    share.c2.call(acts.sweep_all, backend)
    assert not share.server.call(acts.tmp_bytes, share.on_server)
    share.c2.call(acts.save, second, "unfinished", megabytes=1, value=8)
    assert share.c2.call(acts.value_of, second, "unfinished") == 8


def test_the_file_of_a_machine_that_died_when_it_made_it_is_as_old_as_it_is(share: Share) -> None:
    """Servers keep the mark of an exclusive creation in the file's mtime until the client sets it."""
    first = share.c1.keep(acts.make_backend, share.root)
    second = share.c2.keep(LocalBackend, share.root)
    share.c1.call(acts.put, first, "a/before", b"1")
    share.site.laboratory.network.deafen("c1")
    share.c1.begin(acts.put, first, "a/x", b"1")
    tmp = share.on_server / "tmp"
    until(lambda: bool(share.server.call(acts.files_below, tmp)), what="the file is made")
    share.site.kill("c1")
    ages = share.server.call(acts.ages_of_unfinished, share.on_server)
    print(f"NFS {share.version}: by its mtime the file is {ages} s old")
    share.c2.call(acts.sweep_all, second, seconds_ago=3600)
    assert share.server.call(acts.files_below, tmp)
    share.c2.call(acts.sweep_all, second)
    assert share.server.call(acts.files_below, tmp) == []


def test_a_full_disk_is_told_and_leaves_nothing(share: Share) -> None:
    """The server says so late: all writes succeed, and only fsync or close fails."""
    first, second = share.c1.keep(open_store, share.root), share.c2.keep(open_store, share.root)
    filler = share.server.call(acts.fill_disk, leaving_megabytes=20)
    try:
        with pytest.raises(StoreUnavailable, match="No space"):
            share.c1.call(acts.save, first, "x", megabytes=60, value=7)
        assert not share.c2.call(acts.has, second, "x")
        with pytest.raises(CheckpointNotFound):
            share.c2.call(acts.value_of, second, "x")
        assert share.server.call(acts.tmp_bytes, share.on_server) == 0
    finally:
        share.server.call(Path.unlink, filler)
    share.c1.call(acts.save, first, "x", megabytes=60, value=8)
    assert share.c2.call(acts.value_of, second, "x") == 8


def test_a_machine_that_was_cut_off_goes_on(share: Share) -> None:
    first = share.c1.keep(acts.make_backend, share.root)
    network = share.site.laboratory.network
    network.cut("c1")
    putting = share.c1.begin(acts.put, first, "a/x", b"1")
    second = share.c2.keep(LocalBackend, share.root)
    assert not share.c2.call(LocalBackend.exists, second, "a/x")
    network.heal("c1")
    assert putting.result()
    assert share.c2.call(LocalBackend.exists, second, "a/x")
