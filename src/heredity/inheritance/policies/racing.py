"""A race: the heir and a fresh twin train for a slice of the budget, and the better one is kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from heredity.errors import InputError, TransferRefused
from heredity.inheritance.policies.honesty import nothing_inherited, without_proof
from heredity.inheritance.policies.perturbing import ShrinkAndPerturb
from heredity.inheritance.snapshots import Snapshot

if TYPE_CHECKING:
    from heredity.store.index import Order
    from heredity.transfer import TransferPlan

Train = Callable[[torch.nn.Module, Any], float]
"""Trains a module for a budget and returns its score. Any: a budget is of the user's type."""


@dataclass(frozen=True, slots=True)
class Race:
    """Never worse than from nothing: the heir trains against its own initial weights for a short budget.

    Both train in the module itself, one after the other, from the same state of torch's random generators.
    The module then holds the winner as the race has trained it, so that no step is lost, or its start.

    Args:
        train: Called twice, with the module and the budget; returns the score. It makes its own optimizer.
        budget: What `train` makes of it: a number of steps, of epochs, of seconds.
        order: Which scores are good, ``"highest"`` or ``"lowest"``.
        start: How the heir begins: ``"best_effort"``, ``"exact"``, or a `ShrinkAndPerturb`.
        rewind: Whether the winner's values from before the race are put back.
        seed: For torch's generators, set before each of the two runs.

    Raises:
        InputError: One of these cannot be.
    """

    train: Train
    budget: Any  # the user's type
    order: Order = "highest"
    start: str | ShrinkAndPerturb = "best_effort"
    rewind: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not callable(self.train):
            raise InputError(
                f"race: expected a function (module, budget) -> score, got {self.train!r:.80}.",
                hint="From a text, give it beside: parse_policy('race(3)', train=train).",
            )
        if self.order not in {"highest", "lowest"}:
            raise InputError(f"race: expected order 'highest' or 'lowest', got {self.order!r}.")
        if not isinstance(self.start, ShrinkAndPerturb) and self.start not in {"best_effort", "exact"}:
            raise InputError(
                f"race: expected start 'best_effort', 'exact' or a ShrinkAndPerturb, got {self.start!r:.80}."
            )

    def __str__(self) -> str:
        return f"race(budget={self.budget!r}, start={self.start})"


@dataclass(frozen=True, slots=True)
class RaceResult:
    """How a race ended.

    Attributes:
        inherited_score: The heir's score.
        fresh_score: The fresh twin's.
        has_inherited: Whether the heir was kept; it is if both are equal.
        budget: What each had, as text.
        rewound: Whether the module has the winner's start, and not what the race made of it.
    """

    inherited_score: float
    fresh_score: float
    has_inherited: bool
    budget: str
    rewound: bool

    def __str__(self) -> str:
        winner = "the heir" if self.has_inherited else "the fresh twin"
        state = "as it began" if self.rewound else "as the race has trained it"
        return (
            f"race over {self.budget}: the heir {self.inherited_score:.4g}, the fresh twin "
            f"{self.fresh_score:.4g}; kept: {winner}, {state}"
        )


def run_race(race: Race, module: torch.nn.Module, *, initial: Snapshot) -> RaceResult:
    """Train both, and leave the better one in the module.

    Args:
        race: The race.
        module: The child, with what it has inherited.
        initial: Its values of before.

    Raises:
        TransferRefused: Neither score is a finite number; the child has its initial values again. So it has
            if `train` raises.
    """
    heir = Snapshot(module)
    try:
        inherited_score = _trained(race, module)
        if not race.rewind:
            heir = Snapshot(module)
        initial.restore()
        fresh_score = _trained(race, module)
        has_inherited = _is_better(race, inherited_score, fresh_score)
    except BaseException:
        initial.restore()
        raise
    if has_inherited:
        heir.restore()
    elif race.rewind:
        initial.restore()
    return RaceResult(inherited_score, fresh_score, has_inherited, f"{race.budget!r:.80}", race.rewind)


def plan_after(plan: TransferPlan, result: RaceResult) -> TransferPlan:
    """The plan with a certificate that claims no more than holds after the race."""
    if not result.has_inherited:
        return nothing_inherited(
            plan,
            f"the fresh twin won the race: {result.fresh_score:.4g}, the heir {result.inherited_score:.4g}",
        )
    return plan if result.rewound else without_proof(plan, "the race has trained it since")


def _trained(race: Race, module: torch.nn.Module) -> float:
    modes = [(submodule, submodule.training) for submodule in module.modules()]
    with torch.random.fork_rng():
        torch.manual_seed(race.seed)
        score = race.train(module, race.budget)
    module.zero_grad(set_to_none=True)  # the other one, or the caller, begins without
    for submodule, is_training in modes:
        submodule.training = is_training
    try:
        return float(score)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"race: expected `train` to return a number, got {type(score).__name__} {score!r:.80}."
        ) from error


def _is_better(race: Race, inherited: float, fresh: float) -> bool:
    if not math.isfinite(inherited) and not math.isfinite(fresh):
        raise TransferRefused(
            f"race: neither score is finite: {inherited} and {fresh}.",
            hint="Both have diverged: lower the learning rate in `train`.",
        )
    if not (math.isfinite(inherited) and math.isfinite(fresh)):
        return math.isfinite(inherited)
    return inherited >= fresh if race.order == "highest" else inherited <= fresh
