"""A language model that grows in stages against one trained large from the beginning: cost to the same loss.

A small model over the characters of Python's standard library is trained, grown exactly (wider and deeper),
trained, and grown again; its optimizer's moments go along. Its twin is the large model from nothing. Both
train at a constant learning rate after a warm-up; at several points a branch is annealed linearly to nothing,
and only its end is compared (as in Hu et al., 2024): so each point of a curve is a training of its own that
shares its beginning with the others, and is charged as one, all stages included.

Usage: ``python benchmarks/uses_language.py --report benchmarks/results/NAME.md`` (``--seeds 3``,
``--arms a,b``, ``--go-on`` to add what NAME.json does not have yet, ``--share 0.1`` for fewer steps,
``--page-only`` to write the page again).
"""

from __future__ import annotations

import copy
import statistics
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transfer_peers_language import CONTEXT, NUM_SIGNS, LanguageModel, read_signs
from uses_pages import Run as Kept
from uses_pages import by_arm, colours, panels, save, spread, table
from uses_running import Run, Use, main, scaled

import heredity as hd

BATCH, RATE, WARM_UP, CLIP = 32, 2e-3, 20, 1.0
ANNEALED = 0.25
"""How long a branch is, as a share of what lies behind it."""
SIZES = ((32, 1), (64, 2), (96, 3))
"""Widths and depths."""
NUM_TEST = 256


@dataclass(frozen=True)
class Growing:
    """How many steps each size takes before it grows, and where branches leave the large one."""

    stages: tuple[int, ...]
    branches: tuple[int, ...]

    def __str__(self) -> str:
        before = [
            f"{steps} steps at width {width}, depth {depth}"
            for steps, (width, depth) in zip(self.stages, SIZES, strict=False)
            if steps
        ]
        width, depth = SIZES[-1]
        ends = ", ".join(map(str, self.branches))
        return "; ".join([*before, f"then width {width}, depth {depth}, annealed after {ends} steps"])


ARMS = {
    "large": Growing((0, 0), (100, 200, 400)),
    "two stages": Growing((0, 200), (40, 100, 200, 300)),
    "three stages": Growing((150, 150), (40, 100, 200, 300)),
}


@cache
def _signs() -> tuple[Tensor, Tensor]:
    return read_signs(1_500_000)


def run(arm: str, seed: int, share: float) -> Run:
    """One trunk with its branches: of each its cost, and its loss on files that were not learnt from."""
    _signs()
    _make_ready()
    growing = ARMS[arm]
    rng = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    spent = _Spent()
    module: nn.Module | None = None
    optimizer: torch.optim.Optimizer | None = None
    for steps, size in zip((*growing.stages, 0), SIZES, strict=True):
        is_last = size == SIZES[-1]
        if not steps and not is_last:
            continue
        module, optimizer = _grown(module, optimizer, size, spent)
        if not is_last:
            _train(module, optimizer, steps=scaled(steps, share), rng=rng, spent=spent)
    assert module is not None
    assert optimizer is not None
    points: list[dict[str, Any]] = []
    done = 0
    for branch in growing.branches:
        until = scaled(branch, share)
        _train(module, optimizer, steps=until - done, rng=rng, spent=spent)
        done = until
        points.append(_branch(module, optimizer, spent, rng))
    return {"points": points, "cpu_seconds": spent.seconds, "large_steps": done}


@dataclass
class _Spent:
    """What a trunk has cost so far."""

    seconds: float = 0.0
    work: float = 0.0
    """Weights times steps, in millions."""
    steps: int = 0


def _grown(
    module: nn.Module | None, optimizer: torch.optim.Optimizer | None, size: tuple[int, int], spent: _Spent
) -> tuple[nn.Module, torch.optim.Optimizer]:
    """The next size, with the weights and the moments of the last one; through a store on disk."""
    began = time.process_time()
    larger = LanguageModel(*size)
    follower = _adam(larger)
    if module is not None and optimizer is not None:
        inputs = (_signs()[0][None, :CONTEXT],)
        with tempfile.TemporaryDirectory() as folder:
            store = hd.open_store(folder)
            parent = hd.save(store, module, key="parent", optimizer=optimizer, example_inputs=inputs)
            found = hd.inherit(larger, parent, optimizer=follower, policy="exact")
            assert found.is_exact
    spent.seconds += time.process_time() - began
    return larger, follower


def _adam(module: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(module.parameters(), RATE, betas=(0.9, 0.98), weight_decay=0.01)


def _train(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    steps: int,
    rng: torch.Generator,
    spent: _Spent,
    falling: bool = False,
) -> None:
    began, text = time.process_time(), _signs()[0]
    window = torch.arange(CONTEXT + 1)
    for step in range(steps):
        rate = RATE * (1 - step / steps) if falling else RATE * min(1.0, (spent.steps + 1) / WARM_UP)
        for group in optimizer.param_groups:
            group["lr"] = rate
        starts = torch.randint(len(text) - CONTEXT - 1, (BATCH,), generator=rng)
        rows = text[starts[:, None] + window]
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(_loss(module(rows[:, :-1]), rows[:, 1:]))
        nn.utils.clip_grad_norm_(module.parameters(), CLIP)
        optimizer.step()
        spent.steps += 1
    spent.work += steps * _num_weights(module) / 1e6
    spent.seconds += time.process_time() - began


def _branch(
    module: nn.Module, optimizer: torch.optim.Optimizer, spent: _Spent, rng: torch.Generator
) -> dict[str, Any]:
    """Anneal a copy; the trunk, its costs and its random numbers stay as they are."""
    copied = copy.deepcopy(module)
    follower = _adam(copied)
    follower.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    optimizer = _adam(copied)
    # Moments begin anew in a branch of either side alike: copying them would need the trunk's optimizer.
    own = _Spent(spent.seconds, spent.work, spent.steps)
    numbers = torch.Generator()
    numbers.set_state(rng.get_state())
    steps = max(1, round(ANNEALED * spent.steps))
    _train(copied, follower, steps=steps, rng=numbers, spent=own, falling=True)
    return {"cpu_seconds": own.seconds, "work": own.work, "steps": own.steps, "loss": _test(copied)}


@torch.no_grad()
def _test(module: nn.Module) -> float:
    text = _signs()[1]
    starts = torch.arange(NUM_TEST) * ((len(text) - CONTEXT - 1) // NUM_TEST)
    rows = text[starts[:, None] + torch.arange(CONTEXT + 1)]
    return float(_loss(module(rows[:, :-1]), rows[:, 1:]))


def _loss(logits: Tensor, signs: Tensor) -> Tensor:
    return functional.cross_entropy(logits.reshape(-1, NUM_SIGNS), signs.reshape(-1))


def _num_weights(module: nn.Module) -> int:
    """Those that multiply: of every block and the head."""
    return sum(weight.numel() for name, weight in module.named_parameters() if weight.dim() == 2)


@cache
def _make_ready() -> None:
    """Import and compile what every process needs once, whatever its arm."""
    module = LanguageModel(*SIZES[0])
    _train(module, _adam(module), steps=1, rng=torch.Generator().manual_seed(0), spent=_Spent())
    _grown(module, _adam(module), SIZES[0], _Spent())


def lines(path: Path, runs: Sequence[Kept]) -> Iterable[str]:
    """The page: loss against cost, and the cost of the loss that the large model ends with."""
    arms = by_arm(runs)
    yield (
        f"Characters of Python's standard library, {BATCH} windows of {CONTEXT} a step, AdamW at {RATE}; the "
        "loss is on files that were not learnt from. *Work* is weights times steps, in millions, summed over "
        f"the sizes. A branch takes {ANNEALED:.0%} of the steps before it."
    )
    yield ""
    yield _plot(path, arms)
    yield ""
    yield from table(
        ("arm", "n", "branch", "loss", "CPU-s", "work"),
        (
            (
                arm,
                len(of),
                number + 1,
                *(
                    spread([one["points"][number][name] for one in of], digits)
                    for name, digits in (("loss", 3), ("cpu_seconds", 0), ("work", 0))
                ),
            )
            for arm, of in arms.items()
            for number in range(len(of[0]["points"]))
        ),
    )
    yield "## What it costs to reach the large model's losses"
    yield ""
    yield (
        "Share of what the large model has paid for the loss of its branch, seed by seed; interpolated "
        "between two branches. *At most*: the first branch is below that loss already; *above*: the last one "
        "is above it still."
    )
    yield ""
    yield from table(
        ("arm", "branch of the large", "CPU-s", "work"),
        (
            (arm, number + 1, *(_shares(of, arms["large"], number, cost) for cost in ("cpu_seconds", "work")))
            for arm, of in arms.items()
            if arm != "large" and "large" in arms
            for number in range(len(arms["large"][0]["points"]))
        ),
    )
    yield "## The arms"
    yield ""
    yield from (f"- **{arm}**: {ARMS[arm]}." for arm in arms)


def _shares(of: Sequence[Kept], large: Sequence[Kept], number: int, cost: str) -> str:
    twins = {one["seed"]: one["points"][number] for one in large}
    found = []
    for one in of:
        if one["seed"] in twins:
            twin = twins[one["seed"]]
            points = [(point[cost] / twin[cost], point["loss"]) for point in one["points"]]
            found.append(_interpolated(points, twin["loss"]))
    return ", ".join(found)


def _interpolated(points: Sequence[tuple[float, float]], height: float) -> str:
    """The share of the cost at which a curve of (share, loss) first comes down to a height."""
    if points[0][1] <= height:
        return f"at most {points[0][0]:.2f}"
    for (x0, y0), (x1, y1) in pairwise(points):
        if y0 >= height >= y1:
            return f"{x0 + (x1 - x0) * (y0 - height) / (y0 - y1):.2f}"
    return f"above {points[-1][0]:.2f}"


def _plot(path: Path, arms: Mapping[str, Sequence[Kept]]) -> str:
    figure, places = panels(2)
    for panel, cost in zip(places, ("cpu_seconds", "work"), strict=True):
        for arm, colour in colours(arms).items():
            columns = list(zip(*(one["points"] for one in arms[arm]), strict=True))
            xs = [statistics.median(point[cost] for point in column) for column in columns]
            ys = [[point["loss"] for point in column] for column in columns]
            panel.plot(xs, [statistics.median(y) for y in ys], "o-", color=colour, label=arm)
            panel.fill_between(xs, [min(y) for y in ys], [max(y) for y in ys], color=colour, alpha=0.15)
        panel.set_xlabel(
            "CPU seconds, all stages charged" if cost == "cpu_seconds" else "weights × steps, 1e6"
        )
    places[0].set_ylabel("loss at a branch's end")
    places[1].legend()
    return save(figure, path)


USE = Use(
    title="A language model that grows in stages",
    arms={arm: str(growing) for arm, growing in ARMS.items()},
    run=run,
    write=lines,
)

if __name__ == "__main__":
    main(USE, __doc__)
