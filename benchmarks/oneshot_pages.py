"""The page about one-shot search and the truth: ceilings, a table for each space, ranks against ranks."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from oneshot_methods import ABOUT
from oneshot_spaces import SPACES, TruthSpace
from oneshot_statistics import ceilings, interval, partial_tau, random_regret, regret, tau, truth
from oneshot_tables import NUM_SEEDS, TABLES, Row, read_table
from uses_pages import by_arm, save, spread, table, write_page  # chooses what matplotlib draws with, too

Run = Mapping[str, Any]  # Any: plain data, as it lies in the JSON file
Table = Mapping[str, Row]
SEPARATELY = {"mnist-1d": 2.3, "fashion-14": 1.6}
"""How much longer the seeds of a network take one by one than as one group: `oneshot_tables.py --prove`."""
TOPS = (1, 5, 10)
_HEAD = (
    *("method", "seeds", "networks", "tau", "95 % of it, over networks, first seed", "tau without size"),
    *(
        *(f"top-{top} regret" for top in TOPS),
        "mean regret of what it takes",
        "CPU-s",
        "random search, as many CPU-s",
    ),
)
_ABOUT = (
    "*tau*: Kendall's, between a method's scores and the mean test accuracy of three separate trainings; "
    "medians over the seeds, with the range. *without size*: the ranks of the number of weights are "
    "regressed out of both. *top-k regret*: what the best of the k highest scored of the table's networks "
    "lacks of the table's best, in points of accuracy; *what it takes*: the same of the one network that it "
    "chooses, as a mean, with the range (negative: better than any in the table). CPU-s hold the training, "
    "and the judging of all networks that were scored, in the table or not. *Random search*: the expected "
    "regret of as many random networks as could be trained separately in these seconds, the best by "
    "validation."
)


def write_report(path: Path, runs: Sequence[Run]) -> None:
    """Write the page and a plot for each space; what stands under "Reading" is kept."""
    write_page(path, "One-shot search and the truth", runs, list(_lines(path, runs)))


def _lines(path: Path, runs: Sequence[Run]) -> Iterator[str]:
    yield from (_ABOUT, "")
    for name, space in SPACES.items():
        known = read_table(TABLES / f"oneshot-{name}.csv")
        mine = by_arm([{**run, "arm": run["method"]} for run in runs if run["space"] == name])
        yield from (f"## {name}", "", _about_table(space, known), "")
        yield from table(
            _HEAD, [_row(method, found, known, alone=SEPARATELY[name]) for method, found in mine.items()]
        )
        if mine:
            yield from (_plot(path.with_name(f"{path.stem}-{name}.svg"), mine, known), "")
        yield from (f"- **{method}**: {ABOUT[method]}" for method in mine)
        yield ""


def _about_table(space: TruthSpace, known: Table) -> str:
    rows = list(known.values())
    ceiling, means = ceilings(rows), sorted(truth(row) for row in rows)
    seconds = sum(row["cpu_seconds"] for row in rows)
    size, name = len(space.keys()), space.name
    part = "" if len(rows) == size else "; a random part of the space"
    return (
        f"{len(rows)} of {size} networks, {NUM_SEEDS} seeds each, {space.epochs} epochs of {space.num_train} "
        f"rows, {seconds / 60:.0f} CPU minutes in all (`benchmarks/tables/oneshot-{name}.csv`{part}). "
        f"Test accuracy {means[0]:.3f} to {means[-1]:.3f}, "
        f"median {statistics.median(means):.3f}; a network's seeds differ by {ceiling['noise']:.4f} "
        f"(standard deviation). **Ceilings**: two trainings agree by tau {ceiling['seed']:.2f} "
        f"({ceiling['seed_partial']:.2f} without size), one with the mean of two others by "
        f"{ceiling['mean']:.2f}. **The number of weights alone: {ceiling['size']:.2f}.**"
    )


def _row(method: str, runs: Sequence[Run], known: Table, *, alone: float) -> list[str]:
    judged = [_judged(run, known) for run in runs]
    rows = list(known.values())
    best = max(truth(row) for row in rows)
    taus = [tau(scores, means) for scores, means, _ in judged]
    partials = [partial_tau(*each) for each in judged]
    span = interval(*judged[0][:2])
    regrets = [spread([regret(scores, means, top) * 100 for scores, means, _ in judged], 2) for top in TOPS]
    taken = [(best - truth(run["chosen_row"])) * 100 for run in runs]
    seconds = [run["seconds"] + run["judging_seconds"] for run in runs]
    mean_seconds = statistics.fmean(row["cpu_seconds"] for row in rows) / NUM_SEEDS
    number = max(1, int(statistics.median(seconds) / (mean_seconds * alone)))
    chance = f"{random_regret(rows, number) * 100:.2f} ({number} networks)"
    return [
        *(method, str(len(runs)), spread([len(each[0]) for each in judged], 0), spread(taus, 2)),
        *(
            f"{span[0]:.2f} to {span[1]:.2f}",
            spread(partials, 2),
            *regrets,
            _mean(taken),
            spread(seconds, 0),
            chance,
        ),
    ]


def _mean(values: Sequence[float]) -> str:
    """The mean, to be compared with an expected value, and the range."""
    return f"{statistics.fmean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _judged(run: Run, known: Table) -> tuple[list[float], list[float], list[float]]:
    """Scores, true means and sizes of the networks that a run has scored and the table knows."""
    keys = [key for key in run["scores"] if key in known]
    return (
        [run["scores"][key] for key in keys],
        [truth(known[key]) for key in keys],
        [known[key]["num_weights"] for key in keys],
    )


def _plot(path: Path, mine: Mapping[str, Sequence[Run]], known: Table) -> str:
    across = min(5, len(mine))
    figure, grid = plt.subplots(
        -(-len(mine) // across), across, squeeze=False, layout="constrained", sharex=True, sharey=True
    )
    figure.set_size_inches(2.6 * grid.shape[1], 2.6 * grid.shape[0])
    for axis in grid.flat[len(mine) :]:
        axis.remove()
    for axis, (method, runs) in zip(grid.flat, mine.items(), strict=False):
        scores, means, sizes = _judged(runs[0], known)
        axis.scatter(_places(means), _places(scores), c=sizes, s=6, cmap="viridis", rasterized=True)
        axis.set_title(f"{method}, seed {runs[0]['seed']}")
    figure.supxlabel("true rank (0 is the worst); bright: many weights")
    figure.supylabel("predicted rank")
    return save(figure, path)


def _places(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=lambda place: values[place])
    ranks = [0.0] * len(values)
    for rank, place in enumerate(order):
        ranks[place] = rank / max(1, len(values) - 1)
    return ranks
