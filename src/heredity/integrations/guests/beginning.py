"""Beginning: how a trial of another tool began, small enough to travel in that tool's own checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from heredity.errors import CorruptData

if TYPE_CHECKING:
    from heredity.encoding import Json
    from heredity.store import Checkpoint, Store

NOTHING = "nothing"
"""The verdict where no parent was there, or none was asked for."""

STEPS, CUMULATIVE_STEPS = "steps", "cumulative_steps"
"""What checkpoints say of the training behind them: the trial's own, and with its ancestors'."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """How a trial began.

    Attributes:
        verdict: ``"exact"``, ``"approximate"``, ``"fresh"``, or ``"nothing"`` without a parent.
        parent: The key of the parent's checkpoint.
        parent_store: The id of the store in which the parent lies.
        coverage: The share of the trial's parameters that came over.
        reason: Why it is not exact, or why there is no parent.
        ancestor_steps: The training that lies behind what was inherited; None if the parent does not say.
        first_step: Where the tool's count of steps stood when the trial inherited.
    """

    verdict: str
    parent: str | None = None
    parent_store: str = ""
    coverage: float = 0.0
    reason: str = ""
    ancestor_steps: int | None = 0
    first_step: int = 0

    def to_json(self) -> dict[str, Json]:
        """As JSON carries it."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Beginning:
        """Read what `to_json` gave.

        Raises:
            CorruptData: It is none.
        """
        names = {field.name for field in fields(cls)}
        if not isinstance(value, Mapping) or set(value) != names:
            raise CorruptData(f"beginning: expected an object with {sorted(names)}, got {value!r:.200}.")
        return cls(**value)

    def cumulative(self, steps: int) -> int | None:
        """The trial's own steps and those of its ancestors.

        Args:
            steps: Where the tool's count of steps stands.
        """
        if self.ancestor_steps is None:
            return None
        return self.ancestor_steps + steps - self.first_step


def steps_behind(checkpoint: Checkpoint, store: Store) -> int | None:
    """The training that lies behind a checkpoint, on the longest line of its ancestors.

    Args:
        checkpoint: The checkpoint; only what it says itself counts if it lies in another store.
        store: Where its ancestors are looked up.

    Returns:
        The number of steps; None where the checkpoint or an ancestor does not say, or has been dropped.
    """
    known = {checkpoint.key: checkpoint}
    if _said(checkpoint, CUMULATIVE_STEPS) is None and checkpoint.store_id == store.store_id:
        known |= {each.key: each for each in store.ancestors(checkpoint)}
    total: dict[str, int | None] = {}
    stack: list[str] = [checkpoint.key]
    while stack:  # lineages grow deeper than Python's stack
        each = known.get(stack[-1])  # type: ignore[call-overload]  # keys are texts
        said = None if each is None else _said(each, CUMULATIVE_STEPS)
        if each is None or said is not None:
            total[stack.pop()] = said
            continue
        missing = [parent for parent in each.parents if parent not in total]
        if missing:
            stack.extend(missing)
            continue
        total[stack.pop()] = _sum(_said(each, STEPS), [total[parent] for parent in each.parents])
    return total[checkpoint.key]


def _sum(own: int | None, behind: list[int | None]) -> int | None:
    known = [steps for steps in behind if steps is not None]
    if own is None or len(known) < len(behind):
        return None
    return own + max(known, default=0)


def _said(checkpoint: Checkpoint, name: str) -> int | None:
    steps = checkpoint.metadata.get(name)
    return steps if isinstance(steps, int) and not isinstance(steps, bool) else None
