"""The truth about two small spaces: every network trained from nothing, with three seeds, once.

The seeds of one network are trained as one grouped network (``oneshot_stacking``). ``--prove`` trains a
sample separately too, and tells how far the two are apart.

Usage: ``python benchmarks/oneshot_tables.py --space mnist-1d --go-on`` writes
``benchmarks/tables/oneshot-mnist-1d.csv``, a row for each network (``--nets 20`` for a random part only).
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import random
import time
from functools import cache
from pathlib import Path
from typing import Any

import torch
from oneshot_spaces import SPACES, TruthSpace
from oneshot_stacking import Stack
from torch import Tensor, nn

TABLES = Path(__file__).with_name("tables")
NUM_SEEDS = 3
COLUMNS = (
    *("key", "num_weights", "cpu_seconds"),
    *(f"{split}{seed}" for split in ("val", "test") for seed in range(NUM_SEEDS)),
)
Row = dict[str, Any]  # Any: numbers and one text


def main() -> None:
    """Add what the table lacks, row by row."""
    options = _options()
    torch.set_num_threads(1)
    space = SPACES[options.space]
    path: Path = options.table or TABLES / f"oneshot-{space.name}.csv"
    if options.prove:
        prove(space, options.prove)
        return
    done = set(read_table(path)) if options.go_on and path.exists() else set()
    path.parent.mkdir(exist_ok=True)
    with path.open("a" if done else "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if not done:
            writer.writeheader()
        for key in shuffled(space)[: options.nets]:
            if key not in done:
                writer.writerow(row_of(space, key))
                file.flush()


def shuffled(space: TruthSpace) -> list[str]:
    """All networks in the order in which they are trained: the first so many are a random part."""
    keys = list(space.keys())
    random.Random(0).shuffle(keys)
    return keys


def read_table(path: Path) -> dict[str, Row]:
    """A table by the names of its networks."""
    with path.open(newline="") as file:
        return {
            row["key"]: {name: value if name == "key" else float(value) for name, value in row.items()}
            for row in csv.DictReader(file)
        }


def row_of(space: TruthSpace, key: str) -> Row:
    """Train a network with all seeds at once."""
    began = time.process_time()
    networks = [space.network(space.keys()[key], seed=seed) for seed in range(NUM_SEEDS)]
    stack = Stack(networks)
    train(space, stack, seeds=range(NUM_SEEDS))
    seconds = time.process_time() - began
    splits = space.load()
    row: Row = {
        "key": key,
        "num_weights": sum(weight.numel() for weight in networks[0].parameters()),
        "cpu_seconds": round(seconds, 2),
    }
    for name, (x, y) in (("val", splits.val), ("test", splits.test)):
        for seed, value in enumerate(accuracies(stack, x, y)):
            row[f"{name}{seed}"] = round(value, 5)
    return row


def train(space: TruthSpace, stack: nn.Module, *, seeds: range, num_steps: int | None = None) -> None:
    """Train networks side by side, each with the batches of its seed."""
    x, y = space.train_rows()
    x = x.to(torch.get_default_dtype())
    per_epoch = len(x) // space.batch
    total = space.epochs * per_epoch
    # SGD's step is the same for each weight whatever stands beside it.
    optimizer = torch.optim.SGD(
        stack.parameters(), space.rate, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    stack.train()
    for step in range(total if num_steps is None else num_steps):
        epoch, place = divmod(step, per_epoch)
        orders = [_order(len(x), seed=seed, epoch=epoch) for seed in seeds]
        rows = torch.stack([order[place * space.batch :][: space.batch] for order in orders])
        for group in optimizer.param_groups:
            group["lr"] = space.rate * rate_at(step / total)
        optimizer.zero_grad()
        stack.loss(x[rows], y[rows]).backward()  # type: ignore[operator]  # a Stack's
        optimizer.step()


def rate_at(done: float) -> float:
    """The learning rate as a share of the largest: a tenth of the way up, then half a cosine down."""
    warm = 0.1
    return done / warm if done < warm else 0.5 + 0.5 * math.cos(math.pi * (done - warm) / (1 - warm))


@cache
def _order(num_rows: int, *, seed: int, epoch: int) -> Tensor:
    return torch.randperm(num_rows, generator=torch.Generator().manual_seed(seed * 1000 + epoch))


@torch.no_grad()
def accuracies(stack: Stack, x: Tensor, y: Tensor) -> list[float]:
    """Of each network, the share of right answers."""
    stack.eval()
    right = torch.zeros(stack.num)
    for start in range(0, len(x), 1000):
        rows = x[start : start + 1000].expand(stack.num, *x[start : start + 1000].shape)
        right += (stack(rows).argmax(2) == y[start : start + 1000]).sum(1)
    return [float(value) / len(x) for value in right]


def prove(space: TruthSpace, number: int) -> None:
    """Train some networks one seed at a time too, with torch's own layers in float64, and say the gap."""
    keys = random.Random(1).sample(list(space.keys()), number)
    torch.set_default_dtype(torch.float64)
    for key in keys:
        print(
            key, {name: f"{value:.1e}" for name, value in gaps(space, key, num_steps=60).items()}, flush=True
        )


def gaps(space: TruthSpace, key: str, *, num_steps: int) -> dict[str, float]:
    """How far stacked and separate training are apart after some steps, in outputs and in seconds."""
    architecture = space.keys()[key]
    alone = [space.network(architecture, seed=seed) for seed in range(NUM_SEEDS)]
    stack = Stack([space.network(architecture, seed=seed) for seed in range(NUM_SEEDS)])
    began = time.process_time()
    train(space, stack, seeds=range(NUM_SEEDS), num_steps=num_steps)
    stacked_seconds = time.process_time() - began
    began = time.process_time()
    for seed, network in enumerate(alone):
        train(space, Alone(network), seeds=range(seed, seed + 1), num_steps=num_steps)
    alone_seconds = time.process_time() - began
    x = space.load().val[0][:500].to(torch.get_default_dtype())
    with torch.no_grad():
        ours = stack.eval()(x.expand(NUM_SEEDS, *x.shape))
        theirs = torch.stack([network.eval()(x) for network in alone])
    return {
        "outputs": float((ours - theirs).abs().max()),
        "alone_seconds": alone_seconds,
        "stacked_seconds": stacked_seconds,
    }


class Alone(nn.Module):
    """One network as it is, where a stack is expected."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def loss(self, x_SNCP: Tensor, y_SN: Tensor) -> Tensor:  # noqa: N803  # shapes beside tensors
        """Its mean cross entropy."""
        return nn.functional.cross_entropy(self.network(x_SNCP[0]), y_SN[0])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--space", choices=list(SPACES), required=True)
    parser.add_argument("--table", type=Path, help="where, if not beside the other tables")
    parser.add_argument("--nets", type=int, default=None, help="only so many, in random order")
    parser.add_argument("--go-on", action="store_true", help="keep the rows that are there")
    parser.add_argument("--prove", type=int, help="train so many separately too")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
