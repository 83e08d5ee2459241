"""What lies between two points of a space, scalar by scalar: for the record of a child."""

from __future__ import annotations

from heredity.encoding import Json
from heredity.space import Parameters, Space


def changes(space: Space, before: Parameters, after: Parameters) -> dict[str, Json]:
    """Name the scalars in which two legal points differ.

    Args:
        space: Both points' space.
        before: The parent's point.
        after: The child's.

    Returns:
        By the scalar's path, such as ``blocks[0].width``: its value before and after; None stands for a
        scalar that is not active there.
    """
    old, new = ({leaf.path: leaf.value for leaf in space.leaves(point)} for point in (before, after))
    paths = dict.fromkeys([*old, *new])
    return {path: [old.get(path), new.get(path)] for path in paths if old.get(path) != new.get(path)}
