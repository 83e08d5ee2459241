"""The suite of every backend, to be run by pytest inside a client with its temporary folder on the mount."""

from __future__ import annotations

from pathlib import Path

from heredity.store import Backend, LocalBackend
from heredity.testing.backend_suite import BackendSuite


class TestOnMount(BackendSuite):
    """On whatever file system the temporary folder lies."""

    def make_backend(self, folder: Path) -> Backend:
        backend = LocalBackend(folder)
        assert not backend.capabilities.maps_files, f"{folder} is on a local disk"
        return backend
