"""What one machine has done the other sees at once, whatever its kernel remembers."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from tests.nfs import acts, looks
from tests.nfs.site import Share

from heredity.store import LocalBackend, Store, open_store

pytestmark = pytest.mark.nfs

NUM_NAMES = 200
# Where the writer does nothing about it, one look of four is blind.
NUM_LOOKS = 30
NUM_MOVES = 15


def stores(share: Share) -> tuple[Store, Store]:
    """The store in the folder, as each client has it open."""
    return share.c1.keep(open_store, share.root), share.c2.keep(open_store, share.root)


def backends(share: Share) -> tuple[LocalBackend, LocalBackend]:
    """The same one floor below."""
    return share.c1.keep(acts.make_backend, share.root), share.c2.keep(LocalBackend, share.root)


@pytest.mark.parametrize("num_waits", [12, pytest.param(100, marks=pytest.mark.slow)])
def test_who_waits_for_a_name_that_was_absent_sees_it_within_a_second(share: Share, num_waits: int) -> None:
    """By ``stat`` and ``open`` alone it would take half a minute."""
    first = share.c1.keep(open_store, share.root)
    place = share.c2.keep(looks.watched, share.root)
    second = share.c2.keep(looks.store_in, place)
    ahead = looks.seconds_ahead(share.c2)
    delays, ours = [], []
    for number in range(num_waits):
        assert not share.c2.call(acts.has, second, f"k{number}")
        share.c2.call(looks.forget, place)
        waiting = share.c2.begin(looks.wait_and_tell, place, second, f"k{number}", timeout=60)
        share.c2.call(looks.wait_for_a_look, place)
        # From a fresh wait, which looks often, to a long one, which looks seldom.
        time.sleep(number / num_waits)
        share.c1.call(acts.save, first, f"k{number}", megabytes=0.1, value=number)
        saved = time.monotonic(), time.time() + ahead
        seen = waiting.result()
        delays.append(time.monotonic() - saved[0])
        ours.append(max(0.0, next((at for at in seen.looked_at if at > saved[1]), saved[1]) - saved[1]))
    print(f"NFS {share.version}: seen {percentiles(delays)} s after the save,", end=" ")
    print(f"of which no look was under way for {percentiles(ours)} s")
    # Where twenty processes want two cores, a guest now and then stands still for longer.
    assert sum(delay >= 1 for delay in delays) <= num_waits // 50
    assert max(delays) < 5


def percentiles(seconds: list[float]) -> str:
    """Of a distribution, in words."""
    ordered = sorted(seconds)
    shares = {"median": 0.5, "90 %": 0.9, "longest": 1.0}
    return ", ".join(
        f"{name} {ordered[int(share * (len(ordered) - 1))]:.3f}" for name, share in shares.items()
    )


@pytest.mark.parametrize("look", [acts.exists_in, acts.is_listed, acts.can_be_opened])
def test_a_name_that_was_absent_is_seen_at_once(
    share: Share, look: Callable[[LocalBackend, str], bool]
) -> None:
    """Also within a tick of the server's clock: NFSv3 tells only by its time that a directory has changed."""
    first, second = backends(share)
    for name in map("a/{}".format, range(NUM_LOOKS)):
        assert not share.c2.call(look, second, name)
        assert share.c1.call(acts.put, first, name, b"1")
        assert share.c2.call(look, second, name)


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
