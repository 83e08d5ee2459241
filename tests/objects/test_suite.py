"""Two servers of the S3 protocol, written by different people, keep what a backend promises."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.objects.servers import S3Server, listening_addresses

from heredity.store.backends import Backend
from heredity.store.backends.retrying import RetryingBackend
from heredity.testing.backend_suite import BackendSuite

pytestmark = pytest.mark.s3


class TestMoto(BackendSuite):
    @pytest.fixture(autouse=True)
    def _server(self, moto: S3Server) -> None:
        self.server = moto

    def make_backend(self, folder: Path) -> Backend:
        return self.server.backend()


class TestMinistack(BackendSuite):
    """As a store has it: with retries around."""

    @pytest.fixture(autouse=True)
    def _server(self, ministack: S3Server) -> None:
        self.server = ministack

    def make_backend(self, folder: Path) -> Backend:
        return RetryingBackend(self.server.backend())


def test_the_servers_can_be_reached_from_this_machine_only(server: S3Server) -> None:
    assert listening_addresses(server.pid) == {"0100007F"}
