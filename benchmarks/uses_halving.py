"""Successive halving that continues, against one that begins again at every rung: as good, and cheaper?

Both draw the same networks from the same seeds, and have the same rungs. Restarting, every rung is a training
of its own, whose learning rate falls to nothing: the better way for who begins again, and what is done where
trials cannot be continued. Continuing, a trial goes on from the weights of the rung below, at a constant
learning rate that falls to nothing in the last rung only (or within each, as a control). Several plans of
rungs, since who restarts would choose another one than who continues: all are reported.

Usage: ``python benchmarks/uses_halving.py --report benchmarks/results/NAME.md`` (``--seeds 5``,
``--arms a,b``, ``--go-on`` to add what NAME.json does not have yet, ``--share 0.1`` for fewer networks and
epochs, ``--page-only`` to write the page again).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gain_tasks import MNIST_1D
from uses_pages import Run as Kept
from uses_pages import by_arm, colours, difference, each, paired, panels, ratios, save, spread, table
from uses_running import Run, Use, main, run_experiment
from uses_training import FINAL, make_trial

from heredity.experiment import TrialResult
from heredity.strategies import NoProposal, Proposal, Strategy, SuccessiveHalving


@dataclass(frozen=True)
class Halving:
    """One plan of rungs, and how an arm goes through it."""

    reduction: int
    num: int
    min_epochs: int
    max_epochs: int
    restart: bool
    anneal_rungs: bool
    """Whether the learning rate falls to nothing in each rung; else in the last one only."""

    @property
    def plan(self) -> tuple[int, ...]:
        """What the arms that differ in restarting only have in common."""
        return self.reduction, self.num, self.min_epochs, self.max_epochs


def _pair(reduction: int, num: int, min_epochs: int, max_epochs: int) -> dict[str, Halving]:
    name = f"{reduction}-{num}-{max_epochs}"
    both = Halving(reduction, num, min_epochs, max_epochs, restart=True, anneal_rungs=True)
    return {
        f"restart-{name}": both,
        f"continue-{name}": replace(both, restart=False, anneal_rungs=False),
        f"annealing-{name}": replace(both, restart=False),
    }


HALVINGS = {
    **_pair(2, 16, 1, 16),
    **_pair(4, 16, 1, 16),
    **_pair(2, 8, 1, 8),
    **_pair(2, 8, 1, 4),
    **_pair(2, 32, 1, 32),
}

COST = {"epochs": "epochs", "cpu_seconds": "CPU seconds, everything charged"}


def _about(halving: Halving) -> str:
    how = "begins again at every rung, annealing in each" if halving.restart else "goes on"
    if not halving.restart:
        how += ", annealing in each rung" if halving.anneal_rungs else ", annealing in the last rung only"
    return (
        f"{halving.num} networks, from {halving.min_epochs} to {halving.max_epochs} epochs, one in "
        f"{halving.reduction} goes up; {how}."
    )


class _LastAnneals:
    """Marks the trials of the last rung, in which the learning rate falls."""

    def __init__(self, strategy: Strategy, last: int) -> None:
        self._strategy, self._last = strategy, last

    def ask(self) -> Proposal | NoProposal:
        """See `Strategy.ask`."""
        answer = self._strategy.ask()
        if isinstance(answer, Proposal) and answer.max_steps == self._last:
            return replace(answer, info={**answer.info, "stage": FINAL})
        return answer

    def tell(self, result: TrialResult) -> None:
        """See `Strategy.tell`."""
        self._strategy.tell(result)


def run(arm: str, seed: int, share: float) -> Run:
    """One halving; at a small share with fewer rungs."""
    halving = HALVINGS[arm]
    cut = 1 if share >= 1 else halving.max_epochs // (halving.min_epochs * halving.reduction)
    num, last = halving.num // cut, halving.max_epochs // cut
    strategy = SuccessiveHalving(
        MNIST_1D.space,
        seed=seed,
        min_steps=halving.min_epochs,
        max_steps=last,
        reduction=halving.reduction,
        num_configurations=num,
        restart=halving.restart,
    )
    train = make_trial(MNIST_1D, anneal=halving.anneal_rungs, tested=lambda trial: trial.max_steps == last)
    return run_experiment(MNIST_1D, _LastAnneals(strategy, last), train, seed=seed, last=last)


def lines(path: Path, runs: Sequence[Kept]) -> Iterable[str]:
    """The page: all arms, equal plans in pairs, and the frontiers."""
    arms = by_arm(runs)
    yield (
        "MNIST-1D: 4,000 rows to learn from, 4,000 to choose by, 12,000 to test on; networks of three stages "
        "with good and bad activations, norms, kernels, widths and depths. *Test* is that of the trial with "
        "the best validation score in the last rung."
    )
    yield ""
    yield _plot(path, arms)
    yield ""
    yield from table(
        ("arm", "n", "epochs", "CPU-s", "test", "mean test"),
        (
            (
                arm,
                len(of),
                spread([one["epochs"] for one in of], 0),
                spread([one["cpu_seconds"] for one in of], 0),
                spread([one["test"] for one in of], 4),
                f"{statistics.fmean([one['test'] for one in of]):.4f}",
            )
            for arm, of in arms.items()
        ),
    )
    yield from _equal_plans(arms)
    yield from _all_pairs(arms)
    yield "## The arms"
    yield ""
    yield from (f"- **{arm}**: {USE.arms[arm]}" for arm in arms)


def _equal_plans(arms: Mapping[str, Sequence[Kept]]) -> Iterator[str]:
    yield "## The same rungs: continuing minus restarting"
    yield ""
    yield "The mean difference of test with its interval of 95 %, and the median share of the costs."
    yield ""
    yield from table(
        ("continuing", "test", "per seed", "epochs", "CPU-s"),
        (
            _compared(arm, arms[arm], arms[twin])
            for arm in arms
            for twin in arms
            if HALVINGS[twin].restart and not HALVINGS[arm].restart
            if HALVINGS[arm].plan == HALVINGS[twin].plan
        ),
    )


def _all_pairs(arms: Mapping[str, Sequence[Kept]]) -> Iterator[str]:
    yield "## Any plan against any: continuing minus restarting"
    yield ""
    yield "Who restarts may choose other rungs than who continues."
    yield ""
    yield from table(
        ("continuing, restarting", "test", "per seed", "epochs", "CPU-s"),
        (
            _compared(f"{arm} – {twin}", arms[arm], arms[twin])
            for arm in arms
            for twin in arms
            if HALVINGS[twin].restart and not HALVINGS[arm].restart and not HALVINGS[arm].anneal_rungs
        ),
    )


def _compared(name: str, ours: Sequence[Kept], theirs: Sequence[Kept]) -> tuple[str, ...]:
    gaps = paired(ours, theirs, "test")
    return (
        name,
        difference(gaps),
        each(gaps),
        *(f"{statistics.median(ratios(ours, theirs, cost)):.2f}" for cost in ("epochs", "cpu_seconds")),
    )


def _plot(path: Path, arms: Mapping[str, Sequence[Kept]]) -> str:
    figure, places = panels(2)
    for panel, cost in zip(places, ("epochs", "cpu_seconds"), strict=True):
        for arm, colour in colours(arms).items():
            xs = [one[cost] for one in arms[arm]]
            ys = [one["test"] for one in arms[arm]]
            marker = "s" if HALVINGS[arm].restart else "o"
            panel.plot(xs, ys, marker, color=colour, ms=3, alpha=0.4)
            panel.plot(
                statistics.fmean(xs), statistics.fmean(ys), marker, color=colour, ms=8, label=arm, mec="black"
            )
        panel.set_xlabel(COST[cost])
    places[0].set_ylabel("test; large: means")
    places[1].legend(fontsize=6, loc="lower right")
    return save(figure, path)


USE = Use(
    title="Successive halving that continues, against one that begins again",
    arms={arm: _about(halving) for arm, halving in HALVINGS.items()},
    run=run,
    write=lines,
)

if __name__ == "__main__":
    main(USE, __doc__)
