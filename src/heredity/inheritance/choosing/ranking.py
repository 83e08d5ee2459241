"""The candidates in order: by how the child begins where that is measured, else by what is proven."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from heredity.errors import CorruptData, InvalidTensor, StoreUnavailable
from heredity.inheritance.choosing.probing import Probe, start_loss
from heredity.inheritance.reading import StoredTensors
from heredity.inheritance.snapshots import Snapshot
from heredity.transfer import TransferPlan, apply

if TYPE_CHECKING:
    import torch

    from heredity.inheritance.choosing.candidates import Candidates
    from heredity.inheritance.planning import Planner
    from heredity.store import Checkpoint, Match

# What one candidate may be struck by without the others being any worse.
_STRUCK = (CorruptData, InvalidTensor, StoreUnavailable)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one checkpoint would give to a child.

    Attributes:
        checkpoint: The checkpoint.
        plan: How the child would inherit; None if there is no plan.
        match: What it shares with the child, if it was found by that.
        probe_loss: How the child would begin; None without a probe, infinite if it is no number.
        problem: Why it cannot be a parent; empty if it can.
    """

    checkpoint: Checkpoint
    plan: TransferPlan | None = field(repr=False)
    match: Match | None = None
    probe_loss: float | None = None
    problem: str = ""

    @property
    def verdict(self) -> str:
        """``exact``, ``exact in eval mode``, ``not exact`` or ``unusable``, in a word."""
        if self.plan is None or self.problem:
            return "unusable"
        certificate = self.plan.certificate
        if certificate.is_exact_in_training:
            return "exact"
        return "exact in eval mode" if certificate.is_exact else "not exact"

    @property
    def coverage(self) -> float:
        """The share of the child's parameters that would come over."""
        return 0.0 if self.plan is None else self.plan.certificate.coverage


@dataclass(frozen=True, slots=True)
class Ranking:
    """All that were considered, the best first, and how the child begins with none of them."""

    considered: tuple[Candidate, ...]
    fresh_loss: float | None


def rank(
    candidates: Candidates,
    module: torch.nn.Module,
    *,
    planner: Planner,
    probe: Probe | None,
    knows_inputs: bool,
) -> Ranking:
    """Plan each candidate, try it if there is a probe, and put the best first.

    With a probe the least loss counts; without, or where it is equal, exactness, then coverage, then the
    score, then how near the relation is. The module has its own values again afterwards.

    Raises:
        CheckpointNotFound: There is no candidate.
        InputError: The probe is none.
    """
    found = candidates.found(planner, knows_inputs=knows_inputs)
    planned = [_planned(planner, checkpoint, match, candidates) for checkpoint, match in found]
    fresh_loss = None
    if probe is not None:
        own = Snapshot(module)
        try:
            fresh_loss = start_loss(module, probe)
            planned = [_tried(each, module, probe=probe, own=own) for each in planned]
        finally:
            own.restore()
    highest = candidates.order == "highest"
    # Sorting keeps the order of equals, which is that of the relation.
    return Ranking(tuple(sorted(planned, key=lambda each: _place(each, highest=highest))), fresh_loss)


def _planned(
    planner: Planner, checkpoint: Checkpoint, match: Match | None, candidates: Candidates
) -> Candidate:
    try:
        plan = planner.plan(checkpoint)
    except _STRUCK as error:
        return Candidate(checkpoint, None, match, problem=str(error))
    coverage = plan.certificate.coverage
    problem = "nothing of it fits" if not coverage else ""
    if coverage < candidates.min_coverage:
        problem = f"{coverage:.1%} would come over, less than {candidates.min_coverage:.1%}"
    return Candidate(checkpoint, plan, match, problem=problem)


def _tried(candidate: Candidate, module: torch.nn.Module, *, probe: Probe, own: Snapshot) -> Candidate:
    if candidate.plan is None or candidate.problem:
        return candidate
    own.restore()
    try:
        apply(candidate.plan, StoredTensors(candidate.checkpoint, sources_of(candidate.plan)), module)
    except _STRUCK as error:
        return replace(candidate, problem=str(error))
    return replace(candidate, probe_loss=start_loss(module, probe))


def sources_of(plan: TransferPlan) -> Sequence[str]:
    """The parent's tensors that a plan reads, in its order."""
    return [step.source for step in plan.steps if step.source]


def _place(candidate: Candidate, *, highest: bool) -> tuple[float, ...]:
    """Where a candidate stands; less is better."""
    score = candidate.checkpoint.score
    worth = -math.inf if score is None else score if highest else -score
    exactness = ("exact", "exact in eval mode", "not exact", "unusable").index(candidate.verdict)
    loss = 0.0 if candidate.probe_loss is None else candidate.probe_loss
    return bool(candidate.problem), loss, exactness, -candidate.coverage, -worth
