"""Other search tools and trainers: their trials inherit from one another through a store of ours.

Each adapter is a file that is imported by its name, and imports its tool: `heredity.integrations.optuna`,
`.ray_tune`, `.syne_tune`, `.lightning`, `.transformers`, `.keras`, `.jax`. What they have in common is in
`guests`, and serves any other tool, too. Names are loaded on first use: trees of JAX need no torch.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heredity.integrations.guests import Beginning, GuestTrial, Identity, Parent

__all__ = ["Beginning", "GuestTrial", "Identity", "Parent"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'heredity.integrations' has no attribute {name!r}")
    value: object = getattr(importlib.import_module("heredity.integrations.guests"), name)
    globals()[name] = value
    return value
