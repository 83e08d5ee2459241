"""Population-based training that inherits, across shapes too, against its twins that do not.

Members train side by side in intervals; the worst take over from the best and change a little: the learning
rate, and the architecture too, since weights can be inherited by another one. Twins: members that take over
only hyperparameters, and begin again from nothing; members that change the learning rate only, as where
weights fit one shape; no taking over at all; and as many random networks, each annealed. All have the same
epochs; in all but the last the best member is trained on to the end, down to a rate of nothing.

Usage: ``python benchmarks/uses_population.py --report benchmarks/results/NAME.md`` (``--seeds 5``,
``--arms a,b``, ``--go-on`` to add what NAME.json does not have yet, ``--share 0.1`` for a small population,
``--page-only`` to write the page again).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gain_tasks import MNIST_1D as TASK
from uses_pages import Run as Kept
from uses_pages import by_arm, colours, difference, each, paired, panels, ratios, save, spread, table
from uses_running import Run, Use, main, run_experiment
from uses_training import FINAL, make_trial

from heredity.experiment import TrialResult
from heredity.ids import TrialId
from heredity.space import Float, Space
from heredity.strategies import NoProposal, PopulationBased, Proposal, RandomSearch, Strategy
from heredity.strategies.finalists import Finalists

MEMBERS, INTERVAL, INTERVALS, LAST = 6, 3, 5, 15
TINY = 3, 1, 2, 2
"""The same at any share but all of it."""
SPACE = Space(
    {**TASK.space.dimensions, "rate": Float(0.01, 0.2, log=True)}, constraints=TASK.space.constraints
)
Size = tuple[int, int, int, int]


class _FromNothing:
    """Takes the weights away from members that take over: they begin again with the better one's point."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._parents: dict[TrialId, tuple[TrialId, ...]] = {}

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        answer = self._strategy.ask()
        if not isinstance(answer, Proposal) or "exploited" not in answer.info:
            return answer
        self._parents[answer.trial_id] = answer.parents
        return replace(answer, parents=(), continues=False)

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        parents = self._parents.pop(result.trial_id, None)
        self._strategy.tell(result if parents is None else replace(result, parents=parents))


def _population(seed: int, size: Size, *, explored: tuple[str, ...] | None = None) -> Strategy:
    members, interval, intervals, _ = size
    return PopulationBased(
        SPACE,
        seed=seed,
        population_size=members,
        interval_steps=interval,
        num_intervals=intervals,
        share=1 / 3,
        explored=explored,
        synchronous=True,
    )


def _alone(seed: int, size: Size) -> Strategy:
    return RandomSearch(SPACE, seed=seed, max_steps=size[1] * size[2])


ARMS: Mapping[str, tuple[str, Callable[[int, Size], Strategy]]] = {
    "inherits": ("takes over weights and the point, and changes all of it.", _population),
    "rates-only": (
        "takes over weights and the point, and changes the learning rate only.",
        lambda seed, size: _population(seed, size, explored=("rate",)),
    ),
    "restarts": (
        "takes over the point, changes all of it, and begins again from nothing.",
        lambda seed, size: _FromNothing(_population(seed, size)),
    ),
    "no-exploit": ("nobody takes over anything: random points, each trained as long.", _alone),
    "random": (
        "random points, each annealed; one more of them instead of the last training.",
        _alone,
    ),
}


def run(arm: str, seed: int, share: float) -> Run:
    """One population; at a share below 1 a tiny one."""
    size = (MEMBERS, INTERVAL, INTERVALS, LAST) if share >= 1 else TINY
    members, interval, intervals, last = size
    longest, is_random = interval * intervals, arm == "random"
    is_population = arm in {"inherits", "rates-only", "restarts"}
    strategy = ARMS[arm][1](seed, size)
    if is_random:
        strategy = _First(strategy, members + last // longest)
    else:
        num = members * (intervals if is_population else 1)
        strategy = Finalists(strategy, num_trials=num, top=1, max_steps=last)
    train = make_trial(
        TASK,
        anneal=is_random,
        tested=lambda trial: is_random or trial.info.get("stage") == FINAL,
        most=interval if is_population else longest,
    )
    found = run_experiment(TASK, strategy, train, seed=seed, last=longest if is_random else None)
    winner = next(trial for trial in found["trials"] if trial["id"] == found["winner"])
    lineage = [winner]
    by_id = {trial["id"]: trial for trial in found["trials"]}
    while lineage[-1]["parents"]:
        lineage.append(by_id[lineage[-1]["parents"][0]])
    return {
        **found,
        "own_epochs": sum(trial["epochs"] for trial in lineage),
        "num_exploits": sum("exploited" in trial["info"] for trial in found["trials"]),
        "winner_exploits": sum("exploited" in trial["info"] for trial in lineage),
        "winner_reshaped": sum(trial["inherits"] for trial in lineage),
    }


class _First:
    """The first so many proposals of a strategy."""

    def __init__(self, strategy: Strategy, num: int) -> None:
        self._strategy, self._left = strategy, num

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        if not self._left:
            return NoProposal.EXHAUSTED
        answer = self._strategy.ask()
        self._left -= isinstance(answer, Proposal)
        return answer

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        self._strategy.tell(result)


def lines(path: Path, runs: Sequence[Kept]) -> Iterable[str]:
    """The page: the arms, what the winner is made of, and the pairs."""
    arms = by_arm(runs)
    yield (
        f"MNIST-1D, the searches' space and learning rates from 0.01 to 0.2; {MEMBERS} members, {INTERVALS} "
        f"intervals of {INTERVAL} epochs, {LAST} for the last training. *Test* is that of the winner; its "
        "*epochs* hold its ancestors'. *Taken over*: how often in its line; *reshaped*: how often of them by "
        "another architecture."
    )
    yield ""
    yield _plot(path, arms)
    yield ""
    yield from table(
        ("arm", "n", "epochs", "CPU-s", "test", "mean test", "winner's epochs", "taken over", "reshaped"),
        (
            (
                arm,
                len(of),
                spread([one["epochs"] for one in of], 0),
                spread([one["cpu_seconds"] for one in of], 0),
                spread([one["test"] for one in of], 4),
                f"{statistics.fmean([one['test'] for one in of]):.4f}",
                spread([one["own_epochs"] for one in of], 0),
                spread([one["winner_exploits"] for one in of], 0),
                spread([one["winner_reshaped"] for one in of], 0),
            )
            for arm, of in arms.items()
        ),
    )
    yield "## Inherits minus the others, pair by pair"
    yield ""
    yield "*Test*: the mean difference with its interval of 95 %; CPU-s: the median share."
    yield ""
    yield from table(
        ("minus", "test", "per seed", "CPU-s"),
        (
            (
                arm,
                difference(paired(arms["inherits"], of, "test")),
                each(paired(arms["inherits"], of, "test")),
                f"{statistics.median(ratios(arms['inherits'], of, 'cpu_seconds')):.2f}",
            )
            for arm, of in arms.items()
            if arm != "inherits" and paired(arms.get("inherits", ()), of, "test")
        ),
    )
    yield "## The arms"
    yield ""
    yield from (f"- **{arm}**: {ARMS[arm][0]}" for arm in arms)


def _plot(path: Path, arms: Mapping[str, Sequence[Kept]]) -> str:
    """The best validation score so far, over epochs and over seconds."""
    figure, places = panels(2)
    for panel, cost in zip(places, ("epochs", "cpu_seconds"), strict=True):
        for arm, colour in colours(arms).items():
            for number, one in enumerate(arms[arm]):
                total, best, xs, ys = 0.0, 0.0, [], []
                for trial in one["trials"]:
                    total, best = total + trial[cost], max(best, trial["score"])
                    xs.append(total)
                    ys.append(best)
                panel.step(xs, ys, where="post", color=colour, lw=1, alpha=0.7, label=None if number else arm)
        panel.set_xlabel("epochs" if cost == "epochs" else "CPU seconds in trials")
        panel.set_ylim(0.5, 1.0)
    places[0].set_ylabel("best on validation so far")
    places[1].legend(loc="lower right")
    return save(figure, path)


USE = Use(
    title="Population-based training that inherits",
    arms={arm: about for arm, (about, _) in ARMS.items()},
    run=run,
    write=lines,
)

if __name__ == "__main__":
    main(USE, __doc__)
