"""What a trial's network took over, for its checkpoints to carry, also after an earlier attempt was lost."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heredity.ids import CheckpointKey, parse_checkpoint_key

if TYPE_CHECKING:
    import torch

    from heredity.encoding import Json
    from heredity.inheritance import Inheritance
    from heredity.store import Checkpoint


@dataclass(frozen=True, slots=True)
class TakenOver:
    """How a network began, as a checkpoint's metadata say it.

    Attributes:
        entry: What they say; None if nothing was taken over.
        parents: The checkpoints that it came from.
        shapes: The network's parameters; of one that has others the entry would say nothing true.
    """

    entry: Json = None
    parents: tuple[CheckpointKey, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] | None = None

    @classmethod
    def inherited(cls, inheritance: Inheritance, *, store_id: str) -> TakenOver:
        """What a network has just inherited."""
        # A parent in another store has no name in this one; a fresh twin that won its race has none at all.
        is_here = inheritance.parent.store_id == store_id and inheritance.coverage > 0
        parents = (parse_checkpoint_key(inheritance.parent.key),) if is_here else ()
        return cls(_recorded().entry_of(inheritance), parents, _shapes(inheritance.module))

    @classmethod
    def resumed(cls, checkpoint: Checkpoint, module: torch.nn.Module) -> TakenOver:
        """What a network had inherited when an earlier attempt saved it."""
        entry = checkpoint.metadata.get(_recorded().ENTRY)
        if entry is None:
            return cls()
        return cls(entry, tuple(map(parse_checkpoint_key, checkpoint.parents)), _shapes(module))

    def of(self, module: torch.nn.Module) -> TakenOver:
        """What is to be said of a module: this if it has the same parameters, else nothing."""
        return self if self.shapes is not None and self.shapes == _shapes(module) else TakenOver()

    @property
    def metadata(self) -> dict[str, Json]:
        """The entry under its name."""
        return {} if self.entry is None else {_recorded().ENTRY: self.entry}


def _shapes(module: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """By name, behind what torch.compile or DistributedDataParallel have wrapped."""
    modules = importlib.import_module("heredity.inheritance.modules")
    plain: torch.nn.Module = modules.plain_module(module, purpose="save")
    return {name: tuple(value.shape) for name, value in plain.named_parameters(remove_duplicate=False)}


def _recorded() -> Any:  # noqa: ANN401  # a module, loaded late, since it needs torch
    return importlib.import_module("heredity.inheritance.recorded")
