"""Population-based training: the worst members go on from the best, with hyperparameters a little changed."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import KW_ONLY, dataclass, replace

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.space import Dimension, Parameters, Space, as_space
from heredity.strategies.base import NoProposal, Proposal
from heredity.strategies.changes import changes
from heredity.strategies.numbering import numbered
from heredity.strategies.population.exploring import Explorer
from heredity.strategies.population.standings import Standing, best, is_among_worst, share_of


@dataclass(eq=False)
class PopulationBased:
    """Trains a population side by side, in intervals, and lets good members displace bad ones.

    After an interval, a member that is among the worst `share` takes over the weights, the optimizer's state
    and the hyperparameters of one of the best `share` (*exploit*), and changes the hyperparameters a little
    (*explore*); all others go on as they are (Jaderberg et al. 2017, with truncation selection). Each
    interval is a trial. Hyperparameters of the architecture may change too: then the member inherits what it
    can of the other's weights.

    A member whose interval failed, or was stopped early, takes over from one of the best as well; if there
    is none, it goes on from what it saved itself, or begins with a new point. One that saved nothing begins
    its next interval from nothing.

    Raises:
        ConfigError: A setting is out of range.
    """

    space: Space | Mapping[str, Dimension]
    """What may be searched."""
    _: KW_ONLY
    seed: int
    population_size: int
    interval_steps: int
    """How many steps a member trains before it is compared."""
    num_intervals: int | None
    """How many intervals each member trains; None for no end, where the experiment's budget is the end."""
    share: float = 0.2
    """Which part of the members are the worst, and which the best; at most a half."""
    factors: tuple[float, float] = (0.8, 1.2)
    """What numbers are multiplied by; see `heredity.strategies.population.Explorer`."""
    resample: float = 0.25
    """How likely a value is drawn anew instead."""
    explored: Collection[str] | None = None
    """The names of the space that may change; None for all."""
    synchronous: bool = False
    """Whether all members wait for each other after every interval. Without waiting, a member is compared
    with the last results of the others, whatever their interval, as in the paper."""

    def __post_init__(self) -> None:
        _refuse_settings(self)
        space = as_space(self.space)
        self._explorer = Explorer(space, self.factors, self.resample, self.explored)
        self._rng = random.Random(self.seed)  # noqa: S311  # no secret
        self._num_exchanged = share_of(self.population_size, self.share)
        self._num_proposed = 0
        self._num_begun = [0] * self.population_size
        """Intervals, by member."""
        self._standings: list[Standing | None] = [None] * self.population_size
        self._compared = tuple(self._standings)
        """The standings that decisions are made by."""
        self._last_saved: list[Standing | None] = [None] * self.population_size
        self._ready = deque(range(self.population_size))
        self._resting: list[int] = []
        self._unfinished: dict[TrialId, tuple[int, Proposal]] = {}

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        if not self._ready:
            return NoProposal.NOT_YET if self._unfinished else NoProposal.EXHAUSTED
        member = self._ready.popleft()
        proposal = self._next_of(member)
        self._num_proposed += 1
        self._num_begun[member] += 1
        self._unfinished[proposal.trial_id] = member, proposal
        return proposal

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        member, proposal = self._unfinished.pop(result.trial_id)
        standing = Standing.of(member, result, proposal.max_steps or self.interval_steps)
        self._standings[member] = standing
        if standing is not None and standing.has_saved:
            self._last_saved[member] = standing
        if self._num_begun[member] != self.num_intervals:
            self._resting.append(member)
        if not self.synchronous or (not self._unfinished and not self._ready):
            self._compared = tuple(self._standings)
            self._ready.extend(sorted(self._resting))
            self._resting.clear()

    # --- what a member does next ---------------------------------------------------------------------------

    def _next_of(self, member: int) -> Proposal:
        own = self._compared[member]
        if self._num_begun[member] == 0:
            return self._founder(member, self._explorer.space.sample(self._rng))
        if own is None or is_among_worst(own, self._compared, self._num_exchanged):
            candidates = best(self._compared, self._num_exchanged)
            better = [one for one in candidates if own is None or one.merit > own.merit]
            if better:
                return self._exploiting(member, self._rng.choice(better))
        if own is None:
            saved = self._last_saved[member]
            if saved is not None:
                return self._exploiting(member, saved)
            return self._founder(member, self._explorer.space.sample(self._rng))
        if not own.has_saved:
            founder = self._founder(member, own.parameters)
            return replace(
                founder, info={**founder.info, "began_again": f"{own.trial_id} saved no checkpoint"}
            )
        return self._proposal(member, own.parameters, after=own)

    def _founder(self, member: int, point: Parameters) -> Proposal:
        return self._proposal(member, point, after=None)

    def _exploiting(self, member: int, better: Standing) -> Proposal:
        point = self._explorer.explore(better.parameters, self._rng)
        info: dict[str, Json] = {
            "exploited": better.trial_id,
            "exploited_member": better.member,
            "changed": changes(self._explorer.space, better.parameters, point),
        }
        return self._proposal(member, point, after=better, info=info)

    def _proposal(
        self,
        member: int,
        point: Parameters,
        *,
        after: Standing | None,
        info: Mapping[str, Json] | None = None,
    ) -> Proposal:
        return Proposal(
            numbered(self._num_proposed + 1),
            point,
            parents=() if after is None else (after.trial_id,),
            max_steps=(0 if after is None else after.max_steps) + self.interval_steps,
            continues=after is not None,
            info={"member": member, "interval": self._num_begun[member], **(info or {})},
        )


def _refuse_settings(settings: PopulationBased) -> None:
    least = {"population_size": 2, "interval_steps": 1, "num_intervals": 1}
    for name, lowest in least.items():
        number = getattr(settings, name)
        if number is not None and number < lowest:
            raise ConfigError(f"{name}: expected at least {lowest}, got {number}.")
    if not 0 < settings.share <= 0.5:
        raise ConfigError(f"share: expected above 0, and at most 0.5, got {settings.share}.")
