"""What the tests of carried state share: parents that grow by hand-made plans whose gradients are known."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch
from torch import nn

from heredity.transfer import AxisMap, Certificate, How, Step, TensorVerdict, TransferPlan, Verdict, apply

torch.set_num_threads(1)

Batch = tuple[torch.Tensor, torch.Tensor]


def plan_of(*steps: Step, coverage: float = 0.5, is_exact: bool = True, reason: str = "") -> TransferPlan:
    verdicts = {step.tensor: TensorVerdict(Verdict.EXACT, reason) for step in steps}
    why = "" if is_exact else "made by hand"
    return TransferPlan(steps, Certificate(verdicts, is_exact, is_exact, why, why, coverage))


@dataclass(frozen=True)
class Growth:
    """A parent, a child that computes the same, and the plan between them."""

    parent: nn.Sequential
    child: nn.Sequential
    plan: TransferPlan

    def learn(self, module: nn.Module, optimizer: torch.optim.Optimizer, batches: Sequence[Batch]) -> None:
        for x, y in batches:
            optimizer.zero_grad()
            torch.autograd.backward(nn.functional.mse_loss(module(x), y))
            optimizer.step()


def _mlp(*widths: int) -> nn.Sequential:
    pairs = list(pairwise(widths))
    layers = [layer for n, m in pairs for layer in (nn.Linear(n, m), nn.Tanh())]
    return nn.Sequential(*layers[:-1]).double()


@dataclass(frozen=True)
class _Units:
    """The units of a hidden layer: whose copy each is, and with which share its readers use it."""

    sources: tuple[int, ...]
    shares: tuple[float, ...]

    @classmethod
    def drawn(cls, rng: random.Random, n: int, *, num_fresh: int, is_even: bool) -> _Units:
        m = 2 * n if is_even else n + rng.randint(0, n)
        sources = [*range(n), *((i if is_even else rng.randrange(n)) for i in range(m - n))]
        weights = [1.0 if is_even else rng.uniform(0.2, 1) for _ in sources]
        totals = [sum(w for w, s in zip(weights, sources, strict=True) if s == unit) for unit in range(n)]
        shares = [w / totals[s] for w, s in zip(weights, sources, strict=True)]
        return cls((*sources, *(-1 for _ in range(num_fresh))), (*shares, *(1.0 for _ in range(num_fresh))))

    @property
    def producing(self) -> AxisMap:
        return AxisMap(self.sources, None, self.shares)

    @property
    def consuming(self) -> AxisMap:
        return AxisMap(tuple(-2 if source == -1 else source for source in self.sources), self.shares)


def _same(n: int) -> _Units:
    return _Units(tuple(range(n)), (1.0,) * n)


def grown(seed: int, *, num_fresh: int = 0, is_even: bool = False) -> Growth:
    """A multilayer perceptron whose hidden units are copied, with uneven shares, and some fresh ones."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    widths = (3, rng.randint(1, 4), rng.randint(1, 4), 2)
    hidden = [_Units.drawn(rng, n, num_fresh=num_fresh, is_even=is_even) for n in widths[1:-1]]
    units = [_same(widths[0]), *hidden, _same(widths[-1])]
    parent, child = _mlp(*widths), _mlp(*(len(each.sources) for each in units))
    steps: list[Step] = []
    for number, (reads, makes) in enumerate(pairwise(units)):
        name, old, new = f"{2 * number}", parent[2 * number], child[2 * number]
        assert isinstance(old, nn.Linear)
        assert isinstance(new, nn.Linear)
        axes = (makes.producing, reads.consuming)
        weight, bias = f"{name}.weight", f"{name}.bias"
        steps.append(Step(weight, tuple(new.weight.shape), How.GATHER, weight, tuple(old.weight.shape), axes))
        steps.append(Step(bias, tuple(new.bias.shape), How.GATHER, bias, tuple(old.bias.shape), axes[:1]))
    plan = plan_of(*steps)
    apply(plan, parent.state_dict(), child)
    return Growth(parent, child, plan)


def drawn_batches(count: int) -> list[Batch]:
    generator = torch.Generator().manual_seed(count)
    return [
        (
            torch.randn(5, 3, generator=generator, dtype=torch.float64),
            torch.randn(5, 2, generator=generator, dtype=torch.float64),
        )
        for _ in range(count)
    ]


def known_entries(step: Step) -> torch.Tensor:
    """Where the gradient is the parent's, as a mask that spreads over the child's tensor."""
    mask = torch.ones((), dtype=torch.bool)
    for number, axis in enumerate(step.axes):
        scales = axis.gradient_scales or (1.0,) * len(axis.sources)
        pairs = zip(axis.sources, scales, strict=True)
        shape = [-1 if i == number else 1 for i in range(len(step.axes))]
        mask = mask & torch.tensor([source >= 0 and scale != 0 for source, scale in pairs]).reshape(shape)
    return mask.expand(step.shape)


@pytest.fixture(scope="session")
def known() -> Callable[[Step], torch.Tensor]:
    return known_entries


@pytest.fixture(scope="session")
def grow() -> Callable[..., Growth]:
    return grown


@pytest.fixture(scope="session")
def make_plan() -> Callable[..., TransferPlan]:
    return plan_of


@pytest.fixture(scope="session")
def batches() -> Callable[[int], list[Batch]]:
    return drawn_batches
