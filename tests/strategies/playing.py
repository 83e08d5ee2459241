"""Plays the experiment's part: asks a strategy for trials, and tells it how they ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from heredity.experiment import Report, TrialResult, TrialState
from heredity.ids import CheckpointKey
from heredity.strategies import NoProposal, Proposal, Strategy

Merit = Callable[[Proposal], float | None]


def ended(
    proposal: Proposal,
    merit: float | None,
    *,
    saves: bool = True,
    state: TrialState | None = None,
    merits: Mapping[str, float] | None = None,
) -> TrialResult:
    """How a trial ended; without a merit, it failed."""
    state = state or (TrialState.FAILED if merit is None else TrialState.COMPLETED)
    steps = proposal.max_steps or 1
    return TrialResult(
        trial_id=proposal.trial_id,
        parameters=proposal.parameters,
        parents=proposal.parents,
        state=state,
        score=merit,
        checkpoint=CheckpointKey(f"run/{proposal.trial_id}@1") if saves and state.is_success else None,
        steps=steps,
        merit=merit,
        merits=merits or {},
        reports=() if merit is None else (Report(steps, merit),),
        max_steps=proposal.max_steps,
    )


def played(
    strategy: Strategy, merit: Merit, *, concurrency: int = 1, saves: bool = True, most: int = 1_000
) -> list[Proposal]:
    """All proposals, in their order; the oldest trial always ends first."""
    proposals: list[Proposal] = []
    unfinished: list[Proposal] = []
    while len(proposals) < most:
        answer = strategy.ask()
        if isinstance(answer, Proposal):
            proposals.append(answer)
            unfinished.append(answer)
            if len(unfinished) < concurrency:
                continue
        if not unfinished:
            assert answer is NoProposal.EXHAUSTED
            break
        oldest = unfinished.pop(0)
        strategy.tell(ended(oldest, merit(oldest), saves=saves))
    return proposals


def asked(strategy: Strategy) -> Proposal:
    """The next proposal, which there must be."""
    answer = strategy.ask()
    assert isinstance(answer, Proposal), answer
    return answer
