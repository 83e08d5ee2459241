"""Other search tools and trainers: their trials inherit from one another through a store of ours.

Each adapter is a file that is imported by its name, and imports its tool: `heredity.integrations.optuna`,
`.ray_tune`, `.lightning`, `.transformers`. What they have in common serves any other tool, too.
"""

from heredity.integrations.beginning import Beginning
from heredity.integrations.guest import GuestTrial, Parent
from heredity.integrations.identity import Identity

__all__ = ["Beginning", "GuestTrial", "Identity", "Parent"]
