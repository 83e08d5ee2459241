"""Only the server's clock counts: clients may be hours off."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.nfs import acts
from tests.nfs.site import Share

from heredity.store import LocalBackend

pytestmark = pytest.mark.nfs


@pytest.fixture
def ahead(share: Share) -> Iterator[Share]:
    """A folder whose first client is an hour ahead."""
    share.c1.call(acts.set_clock, hours_ahead=1)
    yield share
    share.c1.call(acts.set_clock, hours_ahead=-1)


def test_times_follow_the_order_of_events_on_both_machines(ahead: Share) -> None:
    first = ahead.c1.keep(acts.make_backend, ahead.root)
    second = ahead.c2.keep(LocalBackend, ahead.root)
    times = []
    for number in range(3):
        times.append(ahead.c2.call(LocalBackend.now, second))
        ahead.c1.call(acts.put, first, f"a/{number}", b"1")
        times.append(ahead.c2.call(LocalBackend.put_at, second, f"a/{number}") or 0)
        times.append(ahead.c1.call(LocalBackend.now, first))
        ahead.c2.call(acts.put, second, f"a/other-{number}", b"1")
        times.append(ahead.c1.call(LocalBackend.put_at, first, f"a/other-{number}") or 0)
    assert times == sorted(times)
    assert times[-1] - times[0] < 60


@pytest.mark.parametrize("sweeper", ["c1", "c2"])
def test_a_sweep_from_a_machine_with_another_time_leaves_young_files_alone(
    ahead: Share, sweeper: str
) -> None:
    ahead.c1.call(acts.make_backend, ahead.root)
    writer = "c2" if sweeper == "c1" else "c1"
    python = ahead.site.python(writer)
    backend = python.keep(LocalBackend, ahead.root)
    gate = python.keep(acts.Gate)
    putting = python.begin(acts.put, backend, "a/x", b"1", gate=gate)
    python.call(acts.Gate.wait_until_reached, gate)
    other = ahead.site.python(sweeper)
    other.call(acts.sweep_all, other.keep(LocalBackend, ahead.root), seconds_ago=60)
    python.call(acts.Gate.open, gate)
    assert putting.result()
