"""One parent and all children of a family for one seed, trained side by side."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode
from transfer_peers_literature import Pair
from transfer_peers_sides import SCRATCH, SIDES, inherit
from transfer_peers_tasks import Data, Family

from heredity.transfer import trace

Point = tuple[int, float, float]
"""Steps, loss and accuracy on the test."""
Rates = Mapping[str, Mapping[str, float]]
"""The learning rate of each side for each child."""
WARM_UP = 0.1


@dataclass
class Bench:
    """A family with its data; runs that begin alike are trained once."""

    family: Family
    data: Data
    seed: int
    done: dict[tuple[str, str, float, int], list[Point]] = field(default_factory=dict)

    def curve(self, module: nn.Module, *, rate: float, steps: int, order: int) -> list[Point]:
        """Train a copy of a module and measure it at the start and then at every so many steps."""
        key = (str(module), _digest(module), rate, steps)
        if key not in self.done:
            self.done[key] = self.train(copy.deepcopy(module), rate=rate, steps=steps, order=order)
        return self.done[key]

    def train(self, module: nn.Module, *, rate: float, steps: int, order: int) -> list[Point]:
        """Train a module in place, in an order of the data that is the same for all sides."""
        family, generator = self.family, torch.Generator().manual_seed(order)
        optimizer = family.optimizer(module, rate)
        # The same for the parent, for all sides and for longer runs: it does not depend on `steps`.
        num_warm = max(1, round(WARM_UP * family.own_steps))
        points = [self.measure(module, 0)]
        for step in range(1, steps + 1):
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, step / num_warm)
            optimizer.zero_grad()
            torch.autograd.backward(_loss(module, *self.data.draw(generator)))
            optimizer.step()
            if step % family.every == 0 or step == steps:
                points.append(self.measure(module, step))
        return points

    def measure(self, module: nn.Module, step: int) -> Point:
        """The loss and the accuracy on the test, in eval mode."""
        inputs, labels = self.data.test
        module.eval()
        with torch.no_grad():
            logits = module(inputs).flatten(0, -2)
        module.train()
        is_right = (logits.argmax(-1) == labels.flatten()).double().mean()
        return step, float(functional.cross_entropy(logits, labels.flatten())), float(is_right)


def run_seed(family: Family, seed: int, rates: Rates | None) -> dict[str, Any]:  # Any: plain data for JSON
    """Train the parent of one seed, then every side of every child.

    Args:
        family: What is trained.
        seed: Of the parent, the children and the order of the data.
        rates: The learning rates; without them all rates of the family are tried.

    Returns:
        For each child what a parent's step costs in steps of its own, and for each side its curves by rate.
    """
    torch.set_num_threads(1)
    began = time.process_time()
    bench = Bench(family, family.load(), seed)
    torch.manual_seed(seed)
    parent = family.build(*family.parent)
    parent_points = bench.train(parent, rate=family.parent_rate, steps=family.parent_steps, order=seed)
    cost = _flops(parent, bench.data)
    children = {name: _children(bench, parent, name=name, cost=cost, rates=rates) for name in family.children}
    seconds = time.process_time() - began
    return {"seed": seed, "parent": parent_points, "children": children, "cpu_seconds": seconds}


def _children(
    bench: Bench, parent: nn.Module, *, name: str, cost: float, rates: Rates | None
) -> dict[str, Any]:  # Any: plain data for JSON
    family = bench.family
    torch.manual_seed(bench.seed + 1)
    child = family.build(*family.children[name])
    ratio = cost / _flops(child, bench.data)
    inputs = (bench.data.test[0][:8],)
    graphs = trace(parent, inputs), trace(child, inputs)
    sides = {}
    for side in SIDES:
        pair = Pair(family, parent, copy.deepcopy(child), graphs, bench.seed)
        claim = inherit(side, pair)
        tried: Sequence[float] = family.rates if rates is None else [rates[name][side]]
        steps = family.own_steps
        if side == SCRATCH and rates is not None:  # on, until it has had what the parent cost as well
            steps += round(ratio * family.parent_steps)
        curves = {
            str(rate): bench.curve(pair.child, rate=rate, steps=steps, order=bench.seed + 1) for rate in tried
        }
        sides[side] = {"claim": claim, "begins_as": _digest(pair.child), "curves": curves}
    return {"ratio": ratio, "sides": sides}


def _loss(module: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(module(inputs).flatten(0, -2), labels.flatten())


def _flops(module: nn.Module, data: Data) -> float:
    """What one step of training costs, as torch counts it."""
    with FlopCounterMode(display=False) as counter:
        torch.autograd.backward(_loss(copy.deepcopy(module), *data.draw(torch.Generator().manual_seed(0))))
    return float(counter.get_total_flops())


def _digest(module: nn.Module) -> str:
    hasher = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        hasher.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return hasher.hexdigest()[:16]
