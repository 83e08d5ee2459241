"""Seed a trial's generators: those that are loaded at once, and the others when the trial loads them.

A trial function may import torch inside of itself. Seeded only where torch is loaded already, the first trial
of a process would draw other numbers than all later ones, and a forked one would draw what every other draws.
"""

from __future__ import annotations

import importlib
import importlib.util
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import MappingProxyType, ModuleType
from typing import Any

Seeder = Callable[[], None]


def seed_generators(seed: int, *, num_threads: int = 1) -> None:
    """Seed Python's, numpy's and torch's generators, and keep torch to so many threads.

    Two threads in each of two busy processes on two cores were measured to be fifty times slower than one.

    Args:
        seed: Of the trial.
        num_threads: For torch's own loops.
    """

    def seed_numpy() -> None:
        importlib.import_module("numpy.random").seed(seed % 2**32)

    def seed_torch() -> None:
        torch = importlib.import_module("torch")
        torch.manual_seed(seed)
        torch.set_num_threads(num_threads)

    random.seed(seed)
    seeders = {"numpy.random": seed_numpy, "torch": seed_torch}
    for name, seeder in seeders.items():
        if name in sys.modules:
            seeder()
    _AFTER_IMPORT.expect({name: seeder for name, seeder in seeders.items() if name not in sys.modules})


class _AfterImport(MetaPathFinder):
    """Calls something once a module has been imported; finds nothing itself."""

    def __init__(self) -> None:
        self._waiting: Mapping[str, Seeder] = MappingProxyType({})

    def expect(self, waiting: Mapping[str, Seeder]) -> None:
        """From now on these, and no others."""
        self._waiting = waiting
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if waiting:
            sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find, its loader wrapped; ``None`` for all modules that nobody waits for."""
        if name not in self._waiting:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                break
        else:
            return None
        if spec.loader is not None:
            spec.loader = _Announcing(spec.loader, self._waiting[name])
        return spec


class _Announcing(Loader):
    """A loader that calls something after its module has run; in all else the loader that it wraps."""

    def __init__(self, wrapped: Loader, then: Seeder) -> None:
        self._wrapped, self._then = wrapped, then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the wrapped loader does."""
        return self._wrapped.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module under its own loader, then call."""
        module.__loader__ = self._wrapped
        if module.__spec__ is not None:
            module.__spec__.loader = self._wrapped
        self._wrapped.exec_module(module)
        self._then()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the wrapped loader has
        return getattr(self._wrapped, name)


_AFTER_IMPORT = _AfterImport()
