"""Other search tools and trainers: their trials inherit from one another through a store of ours.

Each adapter is a file that is imported by its name, and imports its tool: `heredity.integrations.optuna`,
`.ray_tune`, `.syne_tune`, `.lightning`, `.transformers`, `.keras`, `.jax`. What they have in common is in
`guests`, and serves any other tool, too.
"""

from heredity.integrations.guests import Beginning, GuestTrial, Identity, Parent

__all__ = ["Beginning", "GuestTrial", "Identity", "Parent"]
