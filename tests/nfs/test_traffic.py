"""How many requests a save, a load and a look cost: over a network they are what costs time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.nfs import acts
from tests.nfs.lab.remote import Interpreter
from tests.nfs.site import Share

from heredity.store import LocalBackend, Store, open_store

pytestmark = pytest.mark.nfs

MEGABYTES = 8
# What a request for data carries at most here; real servers take 1 MiB.
REQUEST_BYTES = 128 << 10
DATA_REQUESTS = MEGABYTES * 1_000_000 // REQUEST_BYTES + 1


def count(share: Share, python: Interpreter, act: Callable[[], object], *, what: str) -> int:
    """Requests that a guest sends for an act."""
    before = python.call(acts.calls_of, share.mount)
    act()
    after = python.call(acts.calls_of, share.mount)
    sent = {name: number - before[name] for name, number in after.items() if number > before[name]}
    print(f"NFS {share.version}: {what}: {sum(sent.values())} requests: {sent}")
    return sum(sent.values())


@pytest.fixture
def first(share: Share) -> Store:
    """The store of the first client, which has saved before."""
    store = share.c1.keep(open_store, share.root)
    share.c1.call(acts.save, store, "before", megabytes=0.1, value=0)
    return store


def save(share: Share, store: Store, key: str) -> None:
    share.c1.call(acts.save, store, key, megabytes=MEGABYTES, value=7)


def test_a_save_costs_few_requests_beside_its_data(share: Share, first: Store) -> None:
    assert count(share, share.c1, lambda: save(share, first, "x"), what="save") <= DATA_REQUESTS + 30


def test_a_load_costs_few_requests_beside_its_data(share: Share, first: Store) -> None:
    save(share, first, "x")
    second = share.c2.keep(open_store, share.root)
    num = count(share, share.c2, lambda: share.c2.call(acts.value_of, second, "x"), what="load")
    assert num <= DATA_REQUESTS + 20


def test_a_look_for_an_absent_name_costs_a_request_or_two(share: Share) -> None:
    backend = share.c1.keep(acts.make_backend, share.root)
    share.c1.call(LocalBackend.exists, backend, "a/x")
    looks = 10
    num = count(
        share,
        share.c1,
        lambda: [share.c1.call(LocalBackend.exists, backend, "a/x") for _ in range(looks)],
        what=f"{looks} looks",
    )
    assert num <= 3 * looks
