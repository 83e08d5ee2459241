"""What one machine has done the other sees at once, whatever its kernel remembers."""

from __future__ import annotations

import statistics
import time

import pytest
from tests.nfs import acts
from tests.nfs.site import Share

from heredity.store import LocalBackend, Store, open_store

pytestmark = pytest.mark.nfs

NUM_WAITS = 12
NUM_NAMES = 200
NUM_MOVES = 15


def stores(share: Share) -> tuple[Store, Store]:
    """The store in the folder, as each client has it open."""
    return share.c1.keep(open_store, share.root), share.c2.keep(open_store, share.root)


def backends(share: Share) -> tuple[LocalBackend, LocalBackend]:
    """The same one floor below."""
    return share.c1.keep(acts.make_backend, share.root), share.c2.keep(LocalBackend, share.root)


def test_who_waits_for_a_name_that_was_absent_sees_it_within_a_second(share: Share) -> None:
    """By ``stat`` and ``open`` alone it would take half a minute."""
    first, second = stores(share)
    delays = []
    for number in range(NUM_WAITS):
        assert not share.c2.call(acts.has, second, f"k{number}")
        waiting = share.c2.begin(acts.wait_for, second, f"k{number}", timeout=60)
        # From a fresh wait, which looks often, to a long one, which looks seldom.
        time.sleep(number / NUM_WAITS)
        share.c1.call(acts.save, first, f"k{number}", megabytes=0.1, value=number)
        saved = time.monotonic()
        waiting.result()
        delays.append(time.monotonic() - saved)
    median, longest = statistics.median(delays), max(delays)
    print(f"NFS {share.version}: seen {median:.3f} s after the save, {longest:.3f} s at most")
    assert longest < 1


def test_a_name_that_was_absent_is_seen_at_once(share: Share) -> None:
    first, second = backends(share)
    for name in map("a/{}".format, range(20)):
        assert not share.c2.call(LocalBackend.exists, second, name)
        assert share.c1.call(acts.put, first, name, b"1")
        assert share.c2.call(LocalBackend.exists, second, name)


def test_a_name_put_within_one_tick_of_the_server_s_clock_is_seen(share: Share) -> None:
    """NFSv3 tells a client that a folder has changed only by its time, which is the same within a tick."""
    _, second = backends(share)
    folder = share.on_server / "a"
    num_same_ticks = 0
    for number in range(200):
        before = share.server.call(acts.touch_and_time, folder / f"other-{number}")
        assert not share.c2.call(LocalBackend.exists, second, f"a/{number}")
        after = share.server.call(acts.touch_and_time, folder / f"{number}")
        num_same_ticks += before == after
        assert share.c2.call(LocalBackend.exists, second, f"a/{number}"), f"try {number}, {before == after=}"
        if num_same_ticks == 10:
            return
    pytest.fail(f"only {num_same_ticks} of 200 tries fell into one tick")


def test_of_two_machines_that_put_the_same_names_one_wins_each(share: Share) -> None:
    first, second = backends(share)
    names = [f"a/{number}" for number in range(NUM_NAMES)]
    racing = share.c1.begin(acts.put_many, first, names, b"of c1")
    won_by_second = set(share.c2.call(acts.put_many, second, names[::-1], b"of c2"))
    won_by_first = set(racing.result())
    assert won_by_first | won_by_second == set(names)
    assert not won_by_first & won_by_second
    assert won_by_first
    assert won_by_second
    expected = [b"of c1" if name in won_by_first else b"of c2" for name in names]
    assert share.c2.call(acts.contents_of, second, names) == expected


def test_two_machines_that_save_the_same_are_both_told_of_success(share: Share) -> None:
    first, second = stores(share)
    for number in range(10):
        saving = share.c1.begin(acts.save, first, f"k{number}", megabytes=0.1, value=number)
        share.c2.call(acts.save, second, f"k{number}", megabytes=0.1, value=number)
        saving.result()
        assert share.c2.call(acts.value_of, second, f"k{number}") == number


def test_a_drop_is_seen_at_once(share: Share) -> None:
    first, second = stores(share)
    for number in range(5):
        share.c1.call(acts.save, first, f"k{number}", megabytes=0.1, value=number)
        assert share.c2.call(acts.value_of, second, f"k{number}") == number
        share.c1.call(Store.drop, first, f"k{number}")
        assert not share.c2.call(acts.has, second, f"k{number}")


def test_no_move_of_a_ref_is_lost(share: Share) -> None:
    first, second = stores(share)
    keys = ["x", "y"]
    for value, key in enumerate(keys):
        share.c1.call(acts.save, first, key, megabytes=0.01, value=value)
    moving = share.c1.begin(acts.swap_on_and_on, first, "best", keys * NUM_MOVES)
    numbers = share.c2.call(acts.swap_on_and_on, second, "best", keys * NUM_MOVES)
    numbers += moving.result()
    assert sorted(numbers) == list(range(1, 4 * NUM_MOVES + 1))
