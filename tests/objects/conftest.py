"""Servers that run as long as the tests do. One that does not start is an error, not a skip."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.objects import servers
from tests.objects.servers import S3Server


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    yield from servers.moto(tmp_path_factory.mktemp("moto") / "log")


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    yield from servers.ministack(tmp_path_factory.mktemp("ministack") / "log")


@pytest.fixture(params=["moto", "ministack"])
def server(request: pytest.FixtureRequest) -> S3Server:
    """Each of them."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, S3Server)
    return found
