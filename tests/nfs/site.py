"""The laboratory made ready for tests: the export is mounted, and a Python process runs in each guest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.nfs.lab.guest import EXPORT
from tests.nfs.lab.laboratory import CLIENTS, SERVER, Laboratory
from tests.nfs.lab.remote import Interpreter

VERSIONS = ("3", "4.2")
_numbers = count()


class Site:
    """A laboratory, and what every test needs in it."""

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self._pythons: dict[str, Interpreter] = {}
        for name in (SERVER, *CLIENTS):
            self._make_ready(name)

    def _make_ready(self, name: str) -> None:
        if name != SERVER:
            for version in VERSIONS:
                self.laboratory.mount(name, f"/mnt/{version}", version=version)
        self._pythons[name] = self.laboratory.interpreter(name)

    def python(self, name: str) -> Interpreter:
        """The Python process of a guest that runs."""
        return self._pythons[name]

    def kill(self, name: str) -> None:
        """Cut a guest's power."""
        self.laboratory.kill(name)

    def revive(self, name: str) -> None:
        """Start a guest again after its power was cut; nothing if it runs."""
        if not self.laboratory.is_running(name):
            self.laboratory.start(name)
            self.laboratory.wait_until_up(name)
            self._make_ready(name)

    @contextmanager
    def share(self, version: str) -> Iterator[Share]:
        """A new folder on the server, by one version of NFS. In the end all guests are well again."""
        folder = f"test-{next(_numbers)}"
        self.python(SERVER).call(Path.mkdir, Path(EXPORT, folder))
        try:
            yield Share(self, version=version, folder=folder)
        finally:
            for name in CLIENTS:
                self.laboratory.network.heal(name)
            for name in (SERVER, *CLIENTS):
                self.revive(name)


@dataclass(frozen=True, slots=True)
class Share:
    """One folder of the server, as both clients see it."""

    site: Site
    version: str
    folder: str

    @property
    def root(self) -> Path:
        """Where the clients have it."""
        return Path(self.mount, self.folder)

    @property
    def mount(self) -> str:
        """Where the clients have the whole export."""
        return f"/mnt/{self.version}"

    @property
    def on_server(self) -> Path:
        """Where the server has it."""
        return Path(EXPORT, self.folder)

    @property
    def c1(self) -> Interpreter:
        """The first client."""
        return self.site.python("c1")

    @property
    def c2(self) -> Interpreter:
        """The second client."""
        return self.site.python("c2")

    @property
    def server(self) -> Interpreter:
        """The server."""
        return self.site.python(SERVER)
