"""What a rule must not let pass: proposals, wrong in one way each, that are refused or true."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from heredity.graph import Graph
from heredity.testing.architectures.proposals import maps_with
from heredity.testing.generators import disturbed
from heredity.transfer import TransferPlan, apply, measure_difference, trace
from heredity.transfer.operators.atoms import Place
from heredity.transfer.operators.registry import OperatorRule, known_operators, register, rule_of
from heredity.transfer.operators.relation import JUNK, MEAN, ZERO, AxisRelation, gather
from heredity.transfer.passes.align import alignments
from heredity.transfer.passes.structure import axis_atoms
from heredity.transfer.planner import plan_with

torch.set_num_threads(1)

Function = Callable[..., torch.Tensor]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


FEATURES = torch.randn(3, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
SERIES = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class Net(nn.Module):
    """A function of itself and its inputs, with these tensors and modules."""

    def __init__(self, function: Function, **parts: nn.Module | torch.Tensor) -> None:
        super().__init__()
        for name, part in parts.items():
            if isinstance(part, nn.Module):
                self.add_module(name, part)
            elif part.is_floating_point():
                self.register_parameter(name, nn.Parameter(part))
            else:
                self.register_buffer(name, part)
        self.function = function
        disturbed(self.double())

    def __getattr__(self, name: str) -> Any:  # its parts are called as modules and read as tensors
        return super().__getattr__(name)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.function(self, *inputs)


def doubted(
    father: nn.Module,
    child: nn.Module,
    x: torch.Tensor = FEATURES,
    *,
    maps: Mapping[Place, AxisRelation] | None = None,
    factors: Mapping[str, Sequence[float]] | None = None,
    graphs: Sequence[Graph] = (),
) -> TransferPlan:
    """Plan by these maps, check that weights stay finite, and that a claim is true."""
    graphs = graphs or (trace(father, (x,)), trace(child, (x,)))
    alignment = next(iter(alignments(graphs[0], graphs[1])))
    scales = {name: np.asarray(values, dtype=np.float64) for name, values in (factors or {}).items()}
    chosen = maps_with(axis_atoms(graphs[0], graphs[1], alignment), maps or {}, factors=scales)
    plan = plan_with(graphs[0], graphs[1], alignment=alignment, maps=chosen)
    grown = copy.deepcopy(child)
    apply(plan, father.state_dict(), grown)
    assert all(bool(each.isfinite().all()) for each in grown.parameters()), str(plan)
    found = measure_difference(father, grown, (x,), dtype=torch.float64)
    assert found.in_eval_relative < 1e-9 or not plan.certificate.is_exact, str(plan)
    assert found.in_training_relative < 1e-9 or not plan.certificate.is_exact_in_training, str(plan)
    return plan


def layers(*widths: int, bias: bool = True) -> dict[str, nn.Module]:
    return {f"l{i}": nn.Linear(a, b, bias=bias) for i, (a, b) in enumerate(pairwise(widths))}


def around(function: Function, width: int = 4) -> Net:
    return Net(lambda net, x: net.l1(function(net.l0(x))), **layers(7, width, 2))


ADDED: dict[str, tuple[Function, str]] = {
    "a negation": (torch.neg, "no aten.neg.default here"),
    "a cast to whole numbers": (lambda h: h.to(torch.int64).to(h.dtype), "a new change to int64"),
    "a power": (lambda h: h + 1, "a new addition of a number"),
    "a sigmoid": (torch.sigmoid, "no aten.sigmoid.default here"),
    "a ReLU": (torch.relu, "a new ReLU changes what comes in"),
    "a bound": (lambda h: h.clamp(-0.1, 0.1), "a new aten.clamp.default changes what comes in"),
    "a factor": (lambda h: 2 * h, "a new aten.mul.Tensor changes what comes in"),
    "a sum of copies": (lambda h: h + h, "a new addition of something that is not zero"),
}


@pytest.mark.parametrize("name", ADDED)
def test_what_is_added_and_changes_something_is_named(name: str) -> None:
    function, reason = ADDED[name]
    plan = doubted(around(torch.tanh), around(lambda h: function(h.tanh())))
    assert reason in plan.certificate.reason


def test_a_new_normalization_by_the_batch_s_own_statistics_is_no_identity() -> None:
    def run(net: Net, x: torch.Tensor) -> torch.Tensor:
        n = net.norm
        h = functional.batch_norm(net.l0(x), n.running_mean, n.running_var, n.weight, n.bias, training=True)
        result: torch.Tensor = net.l1(h.relu())
        return result

    child = Net(run, **layers(7, 4, 2), norm=nn.BatchNorm1d(4))
    plan = doubted(around(torch.relu), child)
    assert "a new normalization by the batch's own statistics" in plan.certificate.reason


ENDINGS: dict[str, Function] = {
    "to the power of zero": lambda net, h: net.l2(h).pow(0),
    "between other bounds": lambda net, h: functional.hardtanh(net.l2(h), 0.5, 1.0),
    "clamped": lambda net, h: net.l2(h).clamp(min=0.5),
    "divided by what may be zero": lambda net, h: _over(net.l3(h).relu(), net.l2(h)),
    "a cosine": lambda net, h: net.l2(h).cos(),
}


def _over(below: torch.Tensor, above: torch.Tensor) -> torch.Tensor:
    return above / below


def _deeper(ending: Function, *, is_deep: bool) -> Net:
    def run(net: Net, x: torch.Tensor) -> torch.Tensor:
        h = net.l0(x)
        h = h + net.l4(h)
        result: torch.Tensor = net.l1(h + ending(net, h) if is_deep else h)
        return result

    more = {f"l{i}": nn.Linear(4, 4) for i in ((2, 3, 4) if is_deep else (4,))}
    return Net(run, **layers(7, 4, 2), **more)


@pytest.mark.parametrize("name", ENDINGS)
def test_a_branch_whose_end_is_not_zero_is_not_added(name: str) -> None:
    plan = doubted(_deeper(ENDINGS[name], is_deep=False), _deeper(ENDINGS[name], is_deep=True))
    assert not plan.certificate.is_exact


@pytest.mark.parametrize(
    "ending",
    [
        lambda net, h: net.l2(h).clamp(-1, 1) / 3,
        lambda net, h: functional.hardtanh(net.l2(h)).to(torch.float32).to(h.dtype),
        lambda net, h: net.l2(h).neg().pow(1),
    ],
    ids=range(3),
)
def test_a_branch_whose_end_is_zero_is_added(ending: Function) -> None:
    plan = doubted(_deeper(ending, is_deep=False), _deeper(ending, is_deep=True))
    assert plan.certificate.is_exact or "pow" in plan.certificate.reason


SCALED: dict[str, Function] = {
    "whole numbers": lambda h: h.mul(3).to(torch.int32).to(h.dtype),
    "negative, through a ReLU": torch.relu,
    "through a tangent": torch.tanh,
    "through a softmax": lambda h: h.softmax(1),
    "compared": lambda h: h.amax(1, keepdim=True).expand(3, 4),
    "with a number added": lambda h: h + 1,
    "padded with ones": lambda h: functional.pad(h, (1, 0), value=1.0)[:, :4],
    "rounded": torch.floor,
    "to a power": lambda h: h**3,
    "squeezed": lambda h: h[:, :1].squeeze(1)[:, None].expand(3, 4),
    "beside what is not": lambda h: h + h.new_ones(4),
    "bounded by another": lambda h: torch.maximum(h, h.new_zeros(4)),
    "normalized": lambda h: functional.layer_norm(h, (4,)),
    "normalized by squares": lambda h: functional.rms_norm(h, (4,)),
    "measured": lambda h: h * torch.linalg.vector_norm(h, ord=1, dim=1, keepdim=True),
    "spread": lambda h: h.std(1, keepdim=True) + h,
    "sorted": lambda h: h.sort(1)[0],
    "gated": lambda h: functional.glu(torch.cat([h, h], 1), 1),
}


@pytest.mark.parametrize("name", SCALED)
def test_factors_are_refused_or_pass_truly(name: str) -> None:
    father, child = around(SCALED[name]), around(SCALED[name])
    graphs = [trace(module, (FEATURES,)) for module in (father, child)]
    for factors in ([-2.0] * 4, [2.0] * 4, [-1.0] * 4, [1.0, -1.0, 2.0, 0.5]):
        doubted(father, child, factors={"linear.0": factors}, graphs=graphs)


def test_a_factor_of_an_entry_that_is_squeezed_away_is_not_forgotten() -> None:
    def make() -> Net:
        return Net(
            lambda net, x: net.l1(x) * net.l0(x).squeeze(1)[:, None],
            l0=nn.Linear(7, 1),
            l1=nn.Linear(7, 2),
        )

    doubted(make(), make(), factors={"linear.1": [2.0]})
    doubted(make(), make(), factors={"linear.0": [2.0]})


def test_a_tensor_takes_no_factor_along_an_axis_that_was_put_in() -> None:
    def make() -> Net:
        run: Function = lambda net, x: net.l0(x) + net.p.view(3, 1)  # noqa: E731  # one line beside its net
        return Net(run, l0=nn.Linear(7, 1), p=torch.randn(3))

    plan = doubted(make(), make(), factors={"linear.0": [2.0]})
    assert not plan.certificate.is_exact


def test_a_single_number_is_multiplied_without_a_fall() -> None:
    def make() -> Net:
        return Net(lambda net, x: net.l1(net.l0(x) * net.p), **layers(7, 4, 2), p=torch.tensor(0.5))

    doubted(make(), make(), factors={"mul.0": [2.0] * 4})


def _per_channel(h: torch.Tensor) -> torch.Tensor:
    """Attention with a head of one number for each channel."""
    heads = h.transpose(1, 2)[..., None]
    return functional.scaled_dot_product_attention(heads, heads, heads)[..., 0].transpose(1, 2)


def _two_axes(function: Function, places: int, width: int) -> Net:
    """Places and channels that both are made and read by layers of their own."""

    def run(net: Net, x: torch.Tensor) -> torch.Tensor:
        h = net.l1(net.l0(x).transpose(1, 2))  # B, width, places -> B, width, channels
        result: torch.Tensor = net.l3(net.l2(function(h)).transpose(1, 2))
        return result

    return Net(
        run,
        l0=nn.Linear(3, places, bias=False),
        l1=nn.Linear(4, width, bias=False),
        l2=nn.Linear(width, 4),
        l3=nn.Linear(places, 2),
    )


NEW_PLACES = [[0, 1, 2, MEAN], [0, 1, 2, ZERO], [0, 1, 2, JUNK], [0, 1, 2, 0]]
NEW_CHANNELS = [[0, 1, 2, MEAN], [0, 1, 2, ZERO], [0, 1, 2, JUNK], [2, 0, 1, 2]]


@pytest.mark.parametrize(
    "function",
    [
        lambda h: functional.rms_norm(h, (h.shape[-1],)),
        lambda h: functional.layer_norm(h, h.shape[-1:]),
        lambda h: functional.layer_norm(h, h.shape[-2:]),
        lambda h: h.softmax(1),
        lambda h: h.relu() + h.mean(1, keepdim=True),
        lambda h: h * h.sum(2, keepdim=True),
        lambda h: torch.cat([h, h.roll(1, 1)], 2)[..., : h.shape[-1]],
        lambda h: torch.stack([h, h])[1],
        lambda h: h.flatten(1).view(h.shape).sub(h, alpha=0.5),
        lambda h: functional.scaled_dot_product_attention(h, h, h),
        lambda h: h.transpose(1, 2).bmm(h).sum((1, 2), keepdim=True) * h,
        lambda h: functional.avg_pool1d(h, 1) + functional.max_pool1d(h, 1),
        lambda h: torch.einsum("bac,bac,bdc->bac", h, h.tanh(), h),
        lambda h: h * torch.linalg.vector_norm(h, dim=(1, 2), keepdim=True),
        lambda h: h * torch.linalg.norm(h, ord=1, dim=(1, 2), keepdim=True),
        lambda h: h.var(2, keepdim=True) + h.amax(1, keepdim=True) * h,
        lambda h: torch.where(h > 0, h, h.flip(2)),
        lambda h: h.masked_fill(h < 0, float("-inf")).softmax(-1),
        lambda h: (h.square() + 1).rsqrt() * h.log_softmax(-1),
        _per_channel,
    ],
    ids=range(20),
)  # fmt: skip
def test_means_zeros_and_junk_pass_truly_or_not(function: Function) -> None:
    father, child = _two_axes(function, 3, 3), _two_axes(function, 4, 4)
    graphs = [trace(module, (SERIES,)) for module in (father, child)]
    for places, channels in product(NEW_PLACES, NEW_CHANNELS):
        relations = gather(places, num_parent=3), gather(channels, num_parent=3)
        maps = {("linear.0", 2): relations[0], ("linear.1", 2): relations[1]}
        doubted(father, child, SERIES, maps=maps, graphs=graphs)


def test_zeros_that_are_hidden_by_junk_hide_no_junk() -> None:
    """Of two factors, each is junk along one axis where the other is zero."""

    def make(places: int, width: int) -> Net:
        def run(net: Net, x: torch.Tensor) -> torch.Tensor:
            sides = [b(a(x).transpose(1, 2)) for a, b in ((net.a, net.b), (net.c, net.d))]
            result: torch.Tensor = (sides[0] * sides[1]).sum((1, 2))
            return result

        ends = {name: nn.Linear(3, places, bias=False) for name in "ac"}
        return Net(run, **ends, **{name: nn.Linear(4, width, bias=False) for name in "bd"})

    zero, junk = gather([0, 1, ZERO], num_parent=2), gather([0, 1, JUNK], num_parent=2)
    maps = {("linear.0", 2): zero, ("linear.1", 2): junk, ("linear.2", 2): junk, ("linear.3", 2): zero}
    assert not doubted(make(2, 2), make(3, 3), SERIES, maps=maps).certificate.is_exact


def test_a_norm_of_matrices_is_not_one_of_their_entries() -> None:
    """The largest sum of a column is as large if all columns are copied."""

    def make(width: int) -> Net:
        def run(net: Net, x: torch.Tensor) -> torch.Tensor:
            columns = net.l0(x)[:, None, :] * x[:, :3, None]
            result: torch.Tensor = net.l1(x) * torch.linalg.norm(columns, ord=1, dim=(1, 2))[:, None]
            return result

        return Net(run, l0=nn.Linear(7, width), l1=nn.Linear(7, 2))

    assert "a norm of matrices" in doubted(make(2), make(4)).certificate.reason


def test_whole_numbers_take_no_factor() -> None:
    def make() -> Net:
        return Net(lambda net, x: net.l1(net.l0(x) + net.n), **layers(7, 4, 2), n=torch.tensor([1, 2, 3, 5]))

    assert not doubted(make(), make(), factors={"linear.0": [0.5] * 4}).certificate.is_exact


def test_a_tensor_that_holds_whole_numbers_in_one_network_only_stays_fresh() -> None:
    def make(shift: torch.Tensor) -> Net:
        return Net(lambda net, x: net.l1(net.l0(x) + net.n), **layers(7, 4, 2), n=shift)

    plan = doubted(make(torch.tensor([1, 2, 3, 5])), make(torch.randn(4)))
    assert not plan.certificate.is_exact


def test_a_weight_that_is_cut_off_to_whole_numbers_is_no_view_of_itself() -> None:
    """The halves of rounded numbers are not the rounded halves."""

    def make(width: int) -> Net:
        def run(net: Net, x: torch.Tensor) -> torch.Tensor:
            rounded = (net.w * 10).to(torch.int32).to(x.dtype)
            cut_off = functional.linear(net.l0(x), net.v.to(torch.int32).to(x.dtype))
            result: torch.Tensor = cut_off + net.l0(x) @ rounded
            return result

        weights = {"w": torch.randn(width, 2), "v": 3 * torch.randn(2, width)}
        return Net(run, l0=nn.Linear(7, width), **weights)

    assert not doubted(make(2), make(4)).certificate.is_exact
    assert doubted(make(2), make(2)).certificate.is_exact


@pytest.mark.parametrize("maps", [{}, {("linear.1", 1): gather([1, 2, 0], num_parent=3)}], ids=str)
def test_a_new_weight_that_is_a_view_does_not_become_the_identity(
    maps: dict[Place, AxisRelation],
) -> None:
    father = Net(lambda net, x: net.l1(net.l0(x).relu()), **layers(7, 3, 2))
    child = Net(
        lambda net, x: net.l1(functional.linear(net.l0(x), net.w.t()).relu()),
        **layers(7, 3, 2),
        w=torch.randn(3, 3),
    )
    assert not doubted(father, child, maps=maps).certificate.is_exact


def test_an_operator_has_one_rule() -> None:
    rule = rule_of("aten.relu.default")
    assert isinstance(rule, OperatorRule)
    assert "aten.relu.default" in known_operators()
    with pytest.raises(AssertionError, match="has a rule already"):
        register("aten.relu.default", rule=rule)
