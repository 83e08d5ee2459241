"""A laboratory for all tests, and a folder on its server for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.nfs.lab.laboratory import Laboratory
from tests.nfs.site import VERSIONS, Share, Site


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """A server and two clients that run. An error, not a skip, where the machine cannot have them."""
    with Laboratory() as laboratory:
        yield Site(laboratory)


@pytest.fixture(params=VERSIONS)
def share(request: pytest.FixtureRequest, site: Site) -> Iterator[Share]:
    """An empty folder that both clients see, by each version of NFS."""
    with site.share(request.param) as share:
        yield share
