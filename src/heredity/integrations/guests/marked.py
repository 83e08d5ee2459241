"""Which module a callback has already dealt with, without keeping the module alive."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


class MarkedModule:
    """Remembers one module: what has inherited once goes on with its own weights after that."""

    def __init__(self) -> None:
        self._module: weakref.ref[torch.nn.Module] | None = None

    def mark(self, module: torch.nn.Module) -> None:
        """From now on it is this one."""
        self._module = weakref.ref(module)

    def __contains__(self, module: object) -> bool:
        """Whether it is this one."""
        return self._module is not None and self._module() is module
