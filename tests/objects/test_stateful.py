"""A store in a bucket behaves as a dict does, whatever is done, and whatever replies are lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.objects.servers import S3Server

from heredity.store import Store
from heredity.store.backends import Backend
from heredity.store.backends.retrying import RetryingBackend
from heredity.testing.faulty_backend import DUPLICATE, FINE, LOSE_REPLY, ClockShifted, FaultyBackend
from heredity.testing.store_machine import StoreMachine

pytestmark = pytest.mark.s3
FEW = settings(
    max_examples=3,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)


class InABucket(StoreMachine):
    """The clock of the place jumps over the least grace that it allows."""

    server: S3Server
    grace = timedelta(minutes=15)

    def begin(self) -> None:
        self.place: Backend = RetryingBackend(self.server.backend())

    def reopened(self) -> Store:
        return Store(self.place, store_id="x")

    def collector(self) -> Store:
        return Store(ClockShifted(self.place, 1000.0), store_id="x")


class WhereRepliesAreLost(InABucket):
    """Every other write is done twice, or done and then reported as failed."""

    def begin(self) -> None:
        faults = {"put_once": [FINE, LOSE_REPLY, FINE, DUPLICATE] * 200}
        self.place = RetryingBackend(FaultyBackend(self.server.backend(), faults))


@pytest.mark.parametrize("machine", [InABucket, WhereRepliesAreLost])
def test_a_store_in_a_bucket_behaves_as_a_dict_does(
    ministack: S3Server, machine: type[InABucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "server", ministack, raising=False)
    run_state_machine_as_test(machine, settings=FEW)
