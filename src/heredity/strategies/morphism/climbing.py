"""Hill climbing by network morphisms: the best network and its edited children train on, round by round."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.experiment import TrialResult, TrialState
from heredity.ids import TrialId
from heredity.space import Dimension, Parameters, Space, as_space
from heredity.strategies.base import NoProposal, Proposal
from heredity.strategies.morphism.edits import Edited, Edits, edited
from heredity.strategies.numbering import numbered

_TRIES = 20
"""How often a child is drawn anew that has been tried already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """How long a hill is climbed, and in which strides. The defaults are those of Elsken et al. 2018.

    Attributes:
        steps: Training steps of each child, and of the incumbent beside them.
        first_steps: Training steps of the first network; None: as many as `steps`.
        final_steps: Further training steps of the best network in the end; None for no such trial.
        num_rounds: How many rounds of children there are.
        num_children: How many edited children a round has, beside the incumbent.
        num_edits: How many random edits make a child.
    """

    steps: int
    first_steps: int | None = None
    final_steps: int | None = None
    num_rounds: int = 5
    num_children: int = 7
    num_edits: int = 5

    def __post_init__(self) -> None:
        for name in ("steps", "first_steps", "final_steps", "num_rounds", "num_children", "num_edits"):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < 1):
                raise ConfigError(f"Climb: {name}: expected an integer of at least 1, got {value!r}.")


@dataclass(frozen=True, slots=True)
class _Network:
    """A trained network that a next round may begin from."""

    trial_id: TrialId
    point: Parameters
    merit: float
    steps: int
    """What a trial that continues it has behind it."""
    rank: tuple[float, int, int]
    """By merit; of equals, the one of the latest round, and in a round the incumbent before its children."""


class NetworkMorphism:
    """NASH: neural architecture search by hill climbing (Elsken, Metzen and Hutter 2018, algorithm 1).

    A first network is trained. In each round the best network so far, the incumbent, gets children by random
    edits. They inherit its weights and train for ``climb.steps``; the incumbent trains on for as many steps
    beside them, so that growth is compared with more training at equal cost. The best of all is the next
    incumbent. As long as no trial is better, the incumbent stays and gets other children, so that its score
    never falls; the paper takes the best of the round alone.

    A network without a score or without a checkpoint, since its trial failed or saved nothing, is passed
    over. If the first network is such a one, a round is spent on another one, drawn from the space.

    In a trial's ``info`` stand its ``round``, its ``role`` (``founder``, ``incumbent``, ``child`` or
    ``final``), its ``edits`` in words, and the ``policy`` for `heredity.Trial.begin`.

    Args:
        space: What may be searched.
        seed: Draws the edits, and the first network if none is given.
        edits: What may be edited; see `Edits`.
        climb: How long, and in which strides; see `Climb`.
        start: The first network, as a rule a small one; None to draw it.

    Raises:
        ConfigError: The edits do not fit the space, or `start` is no point of it.
    """

    def __init__(
        self,
        space: Space | Mapping[str, Dimension],
        *,
        seed: int,
        edits: Edits,
        climb: Climb,
        start: Parameters | None = None,
    ) -> None:
        self._space = as_space(space)
        edits.check(self._space)
        self._edits, self._climb = edits, climb
        self._rng = random.Random(seed)  # noqa: S311  # no secret
        self._first = checked_start(self._space, start) if start is not None else None
        self._best: _Network | None = None
        self._gone_on: TrialId | None = None
        self._round = -1
        self._tried: set[str] = set()
        self._planned: deque[Proposal] = deque()
        self._unfinished: dict[TrialId, tuple[Proposal, tuple[int, int]]] = {}
        self._num_proposed = 0

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        while not self._planned:  # a network that can grow no more has no children
            if self._unfinished:
                return NoProposal.NOT_YET
            if self._is_over:
                return NoProposal.EXHAUSTED
            self._round += 1
            self._planned.extend(self._plan())
        proposal = self._planned.popleft()
        self._num_proposed += 1
        self._unfinished[proposal.trial_id] = proposal, (self._round, -self._num_proposed)
        return proposal

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        proposal, age = self._unfinished.pop(result.trial_id)
        if result.merit is None or result.checkpoint is None:
            return
        rank = (result.merit, *age)
        if self._best is None or rank > self._best.rank:
            steps = _steps_behind(result, proposal)
            self._best = _Network(result.trial_id, result.parameters, result.merit, steps, rank)
            self._tried = set()  # what was tried from another network may be worth more from this one

    @property
    def _is_over(self) -> bool:
        if self._round < self._climb.num_rounds:
            return False
        has_final = self._climb.final_steps is not None and self._best is not None
        return not has_final or self._round > self._climb.num_rounds

    def _plan(self) -> list[Proposal]:
        if self._best is None:
            return [self._founder()]
        if self._round > self._climb.num_rounds:
            return [self._going_on(self._best, self._climb.final_steps or 0, role="final")]
        if self._gone_on == self._best.trial_id:
            return self._children(self._best, first_number=1)
        self._gone_on = self._best.trial_id
        going_on = self._going_on(self._best, self._climb.steps, role="incumbent")
        return [going_on, *self._children(self._best, first_number=2)]

    def _founder(self) -> Proposal:
        point = self._first if self._first is not None and self._round == 0 else self._space.sample(self._rng)
        return Proposal(
            self._id(1),
            point,
            max_steps=self._climb.first_steps or self._climb.steps,
            info={"round": self._round, "role": "founder"},
        )

    def _going_on(self, best: _Network, steps: int, *, role: str) -> Proposal:
        return Proposal(
            self._id(1),
            best.point,
            parents=(best.trial_id,),
            max_steps=best.steps + steps,
            continues=True,
            info={"round": self._round, "role": role},
        )

    def _children(self, best: _Network, *, first_number: int) -> list[Proposal]:
        self._tried.add(self._space.fingerprint(best.point))
        children: list[Proposal] = []
        for _ in range(self._climb.num_children):
            child = self._untried(best.point)
            if child is None:
                break  # the network has grown as far as it may
            self._tried.add(self._space.fingerprint(child.point))
            info: dict[str, Json] = {
                "round": self._round,
                "role": "child",
                "edits": list(child.told),
                "policy": self._edits.policy(child),
            }
            children.append(
                Proposal(
                    self._id(first_number + len(children)),
                    child.point,
                    parents=(best.trial_id,),
                    max_steps=self._climb.steps,
                    info=info,
                )
            )
        return children

    def _untried(self, point: Parameters) -> Edited | None:
        for _ in range(_TRIES):
            child = edited(self._space, point, self._edits, self._rng, num=self._climb.num_edits)
            if child is not None and self._space.fingerprint(child.point) not in self._tried:
                return child
        return None

    def _id(self, number: int) -> TrialId:
        return numbered(self._num_proposed + number)


def checked_start(space: Space, start: Parameters) -> dict[str, Json]:
    """Refuse a first network that is not in the space.

    Raises:
        ConfigError: See above.
    """
    problems = space.problems(start)
    if problems:
        raise ConfigError(f"start: not a point of the space: {'; '.join(problems)}.")
    return space.canonical(start)


def _steps_behind(result: TrialResult, proposal: Proposal) -> int:
    """How many steps a trial that continues this one has behind it; fewer than planned if it was stopped."""
    planned = proposal.max_steps or 0
    if result.state is TrialState.STOPPED_EARLY and result.reports:
        return min(max(report.step for report in result.reports), planned)
    return planned
