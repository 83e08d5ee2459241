"""Single operators: what passes them, what does not, and what may be added."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from heredity.transfer import TransferPlan, Verdict, apply, measure_difference, plan_transfer, trace
from heredity.transfer.operators.registry import OperatorRule, known_operators, register, rule_of
from heredity.transfer.operators.relation import JUNK, ZERO, flattened, gather, identity
from heredity.transfer.passes.align import Alignment
from heredity.transfer.passes.choose import choose
from heredity.transfer.passes.structure import axis_classes
from heredity.transfer.planner import plan_with

Function = Callable[[torch.Tensor], torch.Tensor]

IMAGES = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Around(nn.Module):
    """A convolution, an operator, and a linear layer over whatever comes out of it."""

    def __init__(self, width: int, function: Function, *, num_features: int = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.end = nn.Linear(num_features or width, 2)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.end(self.function(self.conv(x)))
        return result


def planned(father: nn.Module, child: nn.Module, x: torch.Tensor = IMAGES) -> TransferPlan:
    """Plan, apply, and check that a claim is true."""
    plan = plan_transfer(trace(father, (x,)), trace(child, (x,)))
    apply(plan, father.state_dict(), child)
    found = measure_difference(father, child, (x,), dtype=torch.float64)
    assert found.in_eval_relative < 1e-9 or not plan.certificate.is_exact
    return plan


PASSING: dict[str, Function] = {
    "mean": lambda h: h.mean((2, 3)),
    "mean, kept": lambda h: h.mean((-1, -2), keepdim=True).flatten(1),
    "adaptive, flattened": lambda h: torch.flatten(nn.functional.adaptive_avg_pool2d(h, 1), 1),
    "adaptive, viewed": lambda h: nn.functional.adaptive_avg_pool2d(h, (1, 1)).view(h.shape[0], -1),
    "adaptive, reshaped": lambda h: nn.functional.adaptive_avg_pool2d(h, (1, 1)).reshape(2, -1),
    "max": lambda h: nn.functional.max_pool2d(h, 3, stride=2, padding=1).mean((2, 3)),
    "avg": lambda h: nn.functional.avg_pool2d(h, 2, padding=1).mean((2, 3)),
    "sum": lambda h: (h + h.relu()).mean((2, 3)),
    "copies": lambda h: h.contiguous().clone().mean((2, 3)),
    "twice": lambda h: h.mean(-1).mean(-1),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_wider_layer_passes(name: str) -> None:
    plan = planned(Around(4, PASSING[name]), Around(6, PASSING[name]))
    assert plan.certificate.is_exact, str(plan)


def test_flattened_places_stay_with_their_channels() -> None:
    """Behind 36 places of 4 channels, then of 6, the new columns are those of new channels."""
    father, child = (Around(width, lambda h: h.flatten(1), num_features=36 * width) for width in (4, 6))
    plan = planned(father, child)
    assert plan.certificate.is_exact
    assert str(plan.by_tensor["end.weight"]) == "gather [:] [144 of 144, 72 zero]"


def test_a_linear_layer_keeps_the_other_axes() -> None:
    father, child = (nn.Sequential(nn.Linear(8, n), nn.ReLU(), nn.Linear(n, 2)) for n in (4, 5))
    assert planned(father, child).certificate.is_exact


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (lambda h: h.mean((2, 3)), lambda h: h.mean((1, 3)), "the mean is taken over other axes"),
        (lambda h: h.mean((1, 2)), lambda h: h.mean((1, 2)), "an axis that the mean is taken over differs"),
        (
            lambda h: (h + h).mean((2, 3)),
            lambda h: (h + 2 * h).mean((2, 3)),
            "the parent has no aten.mul.Tensor here",
        ),
        (
            lambda h: torch.add(h, h, alpha=2).mean((2, 3)),
            lambda h: torch.add(h, h, alpha=3).mean((2, 3)),
            "alpha is 3, in the parent 2",
        ),
        (
            lambda h: (h + h.mean((2, 3), keepdim=True)).mean((2, 3)),
            lambda h: (h + h.mean((2, 3), keepdim=True)).mean((2, 3)),
            "broadcasts",
        ),
        (
            lambda h: nn.functional.max_pool2d(h, 2).mean((2, 3)),
            lambda h: nn.functional.max_pool2d(h, 3).mean((2, 3)),
            "kernel_size is (3, 3), in the parent (2, 2)",
        ),
        (
            lambda h: h.view(2, 2, -1, 6, 6).mean((2, 3, 4)),
            lambda h: h.view(2, 2, -1, 6, 6).mean((2, 3, 4)),
            "an axis that changes is taken apart",
        ),
        (lambda h: h.mean((2, 3)), lambda h: h.mean((2, 3)).exp(), "the parent has no aten.exp.default here"),
        (lambda h: h.mean((2, 3)), lambda h: h.mean((2, 3)).relu(), "a new ReLU changes what comes in"),
        (
            lambda h: h.mean((2, 3)),
            lambda h: (h + h).mean((2, 3)),
            "a new addition of something that is not zero",
        ),
    ],
)
def test_what_does_not_pass_is_named(before: Function, after: Function, reason: str) -> None:
    sizes = [function(torch.zeros(2, width, 6, 6)).shape[1] for function, width in ((before, 4), (after, 6))]
    plan = planned(Around(4, before, num_features=sizes[0]), Around(6, after, num_features=sizes[1]))
    assert reason in plan.certificate.reason, str(plan)


def test_a_grouped_convolution_is_exact_only_where_it_does_not_change() -> None:
    def make(width: int, groups: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(4, width, 3, groups=groups), nn.ReLU(), nn.Conv2d(width, 2, 1))

    x = torch.randn(1, 4, 8, 8)
    assert planned(make(4, 2), make(4, 2), x).certificate.is_exact
    assert "grouped convolution" in planned(make(4, 2), make(8, 2), x).certificate.reason


def test_a_second_relu_may_be_added_behind_pooling() -> None:
    """What keeps the sign lies between the two."""

    def before(h: torch.Tensor) -> torch.Tensor:
        return nn.functional.max_pool2d(h.relu(), 2).mean((2, 3))

    def after(h: torch.Tensor) -> torch.Tensor:
        return nn.functional.max_pool2d(h.relu(), 2).relu().mean((2, 3))

    assert planned(Around(4, before), Around(6, after)).certificate.is_exact


class Deepening(nn.Module):
    """Blocks ``x + f(x)``, where f ends in something without tensors of its own."""

    def __init__(self, num_blocks: int, ending: Function, *, alpha: int = 1, is_shared: bool = False) -> None:
        super().__init__()
        self.rim = nn.Conv2d(3, 4, 3)
        self.blocks = nn.ModuleList([nn.Conv2d(4, 4, 3, padding=1) for _ in range(num_blocks)])
        if is_shared:
            self.blocks = nn.ModuleList([self.blocks[0]] * num_blocks)
        self.end = nn.Conv2d(4, 2, 1)
        self.ending = ending
        self.alpha = alpha

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.rim(x)
        for block in self.blocks:
            h = torch.add(h, self.ending(block(h)), alpha=self.alpha)
        result: torch.Tensor = self.end(h)
        return result


@pytest.mark.parametrize("alpha", [1, 3])
def test_a_new_branch_may_end_in_what_maps_zero_to_zero(alpha: int) -> None:
    def ending(h: torch.Tensor) -> torch.Tensor:
        return nn.functional.avg_pool2d(h.relu(), 3, stride=1, padding=1)

    plan = planned(Deepening(1, ending, alpha=alpha), Deepening(3, ending, alpha=alpha))
    assert plan.certificate.is_exact, str(plan)
    assert plan.certificate.tensors["blocks.2.weight"].verdict is Verdict.EXACT


class Swapping(nn.Module):
    """``h + f(h)``, or ``f(h) + h``, times a factor on the second side."""

    def __init__(self, width: int, alpha: int, *, is_swapped: bool) -> None:
        super().__init__()
        self.rim, self.branch, self.end = nn.Linear(3, width), nn.Linear(width, width), nn.Linear(width, 2)
        self.is_swapped = is_swapped
        self.alpha = alpha

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.rim(x)
        sides = (self.branch(h), h) if self.is_swapped else (h, self.branch(h))
        result: torch.Tensor = self.end(torch.add(*sides, alpha=self.alpha))
        return result


@pytest.mark.parametrize("alpha", [1, 2])
def test_the_sides_of_a_sum_may_be_swapped_unless_one_has_a_factor(alpha: int) -> None:
    father, child = Swapping(4, alpha, is_swapped=False), Swapping(6, alpha, is_swapped=True)
    assert planned(father, child, torch.randn(2, 3)).certificate.is_exact == (alpha == 1)


def test_a_new_branch_may_not_end_in_what_nobody_knows() -> None:
    plan = planned(Deepening(1, torch.sigmoid), Deepening(2, torch.sigmoid))
    assert "the parent has no aten.sigmoid.default here" in plan.certificate.reason


def test_a_tensor_that_others_read_is_not_made_zero() -> None:
    father, child = (Deepening(n, torch.relu, is_shared=True) for n in (1, 2))
    assert "cannot be made zero" in planned(father, child).certificate.reason


def test_a_network_that_becomes_zero_says_so() -> None:
    """A branch alone is no residual block."""
    father, child = Deepening(1, torch.relu), Deepening(2, torch.relu)
    plan = plan_with(
        *(graphs := (trace(father, (IMAGES,)), trace(child, (IMAGES,)))),
        alignment=Alignment({"x": "x"}, frozenset({graphs[1].outputs[0]})),
        maps=choose(axis_classes(*graphs, Alignment({}))),
    )
    assert plan.certificate.reason == "output 0: it is zero"


def test_batch_normalization_has_to_have_the_same_parts() -> None:
    def make(has_factors: bool) -> nn.Module:
        return nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4, affine=has_factors))

    x = torch.randn(3, 8)
    assert planned(make(False), make(False), x).certificate.is_exact
    assert "weight is there in one" in planned(make(False), make(True), x).certificate.reason


def test_an_axis_of_scaled_copies_flattens_to_products() -> None:
    rows = gather([1, JUNK, ZERO], num_parent=2, scales=[2.0, 1.0, 1.0])
    columns = gather([0, 0, JUNK], num_parent=1, scales=[1.0, 3.0, 1.0])
    joined = flattened([rows, columns])
    assert joined.g.tolist() == [1, 1, JUNK, JUNK, JUNK, JUNK, ZERO, ZERO, JUNK]
    assert joined.s.tolist() == [2, 6, 1, 1, 1, 1, 1, 1, 1]
    assert joined.num_parent == 2


def test_a_relation_counts_copies_and_knows_the_identity() -> None:
    assert gather([0, 0, 2, JUNK], num_parent=3).counts.tolist() == [2, 0, 1]
    assert gather([0, 1, 2], num_parent=3).is_identity
    assert not gather([0, 1], num_parent=3).is_identity
    assert not gather([0, 1], num_parent=2, scales=[1, 2]).is_identity
    assert np.array_equal(identity(2).agreeing_with(gather([0, ZERO], num_parent=2)).g, [0, JUNK])


@pytest.mark.parametrize(
    ("indices", "scales"),
    [([3], None), ([-3], None), ([0], [0.0]), ([0], [float("inf")]), ([0], [])],
    ids=str,
)
def test_a_relation_that_makes_no_sense_is_refused(indices: list[int], scales: list[float] | None) -> None:
    with pytest.raises(ValueError, match="factor"):
        gather(indices, num_parent=3, scales=scales)


def test_an_operator_has_one_rule() -> None:
    rule = rule_of("aten.relu.default")
    assert isinstance(rule, OperatorRule)
    assert "aten.relu.default" in known_operators()
    with pytest.raises(AssertionError, match="has a rule already"):
        register("aten.relu.default", rule=rule)
