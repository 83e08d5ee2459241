"""Trials of an architecture search inherit trained weights from one another.

The public names, loaded on first use; nothing else.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heredity import errors as errors
    from heredity import space as space
    from heredity import strategies as strategies
    from heredity.engine import Budget as Budget
    from heredity.engine import Experiment as Experiment
    from heredity.engine import Program as Program
    from heredity.engine import Resources as Resources
    from heredity.engine import Trial as Trial
    from heredity.engine import current_trial as current_trial
    from heredity.inheritance import Candidates as Candidates
    from heredity.inheritance import Growth as Growth
    from heredity.inheritance import Inheritance as Inheritance
    from heredity.inheritance import Race as Race
    from heredity.inheritance import ShrinkAndPerturb as ShrinkAndPerturb
    from heredity.inheritance import inherit as inherit
    from heredity.inheritance import load as load
    from heredity.inheritance import relatives as relatives
    from heredity.inheritance import save as save
    from heredity.store import Checkpoint as Checkpoint
    from heredity.store import Store as Store
    from heredity.store import open_store as open_store
    from heredity.strategies import Proposal as Proposal
    from heredity.strategies import Strategy as Strategy

__version__ = "0.1.0"

# Where each public name lives; `None` stands for a module that is itself the name.
_HOME: dict[str, str | None] = {
    "Budget": "heredity.engine",
    "Candidates": "heredity.inheritance",
    "Checkpoint": "heredity.store",
    "Experiment": "heredity.engine",
    "Growth": "heredity.inheritance",
    "Inheritance": "heredity.inheritance",
    "Program": "heredity.engine",
    "Proposal": "heredity.strategies",
    "Race": "heredity.inheritance",
    "Resources": "heredity.engine",
    "ShrinkAndPerturb": "heredity.inheritance",
    "Store": "heredity.store",
    "Strategy": "heredity.strategies",
    "Trial": "heredity.engine",
    "current_trial": "heredity.engine",
    "errors": None,
    "inherit": "heredity.inheritance",
    "load": "heredity.inheritance",
    "open_store": "heredity.store",
    "relatives": "heredity.inheritance",
    "save": "heredity.inheritance",
    "space": None,
    "strategies": None,
}

__all__ = ["__version__", *sorted(_HOME)]  # noqa: PLE0604  # the keys are strings


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'heredity' has no attribute {name!r}")
    home = _HOME[name]
    value: object = (
        importlib.import_module(f"heredity.{name}")
        if home is None
        else getattr(importlib.import_module(home), name)
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
