"""What is said of a whole child, of its tensors and of what was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.transfer.messages.networks import Case, Parts, aligned, entries, grown, made, parts, told
from tests.transfer.test_rules import FEATURES, SERIES, Net, doubted
from torch import nn
from torch.nn import functional

from heredity.errors import InvalidTensor
from heredity.transfer import (
    Layer,
    TensorSpec,
    apply,
    measure_difference,
    plan_by_layers,
    plan_transfer,
    trace,
)
from heredity.transfer.operators.relation import JUNK, gather

IMAGES = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
PLACES = torch.tensor([0, 1])


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def one_layer(net: Net, x: torch.Tensor) -> object:
    return net.l0(x)


def two_functions(net: Net, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    h = net.l0(x)
    return h.relu(), h.tanh()


def two_functions_swapped(net: Net, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    return two_functions(net, x)[::-1]


def single(_: int) -> Parts:
    return parts(l0=(7, 2))


def times(number: float) -> Net:
    return Net(lambda net, x: net.l0(x) * torch.tensor([1.0, number]), **single(0))


OUTPUTS: dict[str, Case] = {
    "2 outputs, in the parent 1": lambda: made(
        lambda net, x: (net.l0(x),), single, in_child=lambda net, x: (net.l0(x), net.l0(x))
    ),
    "the outputs have other keys than the parent's": lambda: made(
        lambda net, x: {"a": net.l0(x)}, single, in_child=lambda net, x: {"b": net.l0(x)}
    ),
    "output 0: it is zero": lambda: aligned(
        Net(lambda net, x: net.l0(x), **single(0)),
        Net(lambda net, x: net.l0(x), **single(0)),
        FEATURES,
        change=lambda usual: replace(usual, zeroed=frozenset({"linear.0"})),
    ),
    "output 0: it is the parent's tanh.0, not relu.0": lambda: made(
        two_functions, single, in_child=two_functions_swapped
    ),
    "the child runs other operators in train mode, or its train mode could not be traced": lambda: made(
        one_layer, single, in_child=lambda net, x: net.l0(x).relu() if net.training else net.l0(x)
    ),
    "has another value in the parent": lambda: doubted(times(2.0), times(3.0)),
    "has no counterpart in the parent": lambda: doubted(
        Net(lambda net, x: net.l0(x) * net.p, **parts(l0=(7, 2), p=torch.randn(2))), times(3.0)
    ),
    "p is read by an operator that does not solve it": lambda: made(
        lambda net, x: (net.l0(x), net.p + 0),
        lambda _: parts(l0=(7, 2), p=torch.randn(2)),
        in_child=lambda net, x: (net.l0(x), net.p),
    ),
}


def put_between(net: Net, x: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = net.l1(net.l2(net.l0(x)))
    return result


def with_a_branch(net: Net, x: torch.Tensor) -> torch.Tensor:
    h = net.a(x)
    result: torch.Tensor = net.c(h + net.norm(net.b(h)))
    return result


def normed_by_length(net: Net, x: torch.Tensor) -> torch.Tensor:
    """A batch normalization whose factors are directions times lengths."""
    norm, factors = net.norm, torch._weight_norm(net.v, net.g, 0).squeeze(1)
    h = functional.batch_norm(net.a(x), norm.running_mean, norm.running_var, factors, norm.bias)
    result: torch.Tensor = net.c(h)
    return result


def between(**more: nn.Module | torch.Tensor) -> Parts:
    return parts(a=nn.Conv2d(4, 4, 1), c=nn.Conv2d(4, 2, 1), **more)


def around() -> Net:
    return Net(lambda net, x: net.c(net.a(x)), **between())


TENSORS: dict[str, Case] = {
    "the parent has nothing here, and this value changes nothing": lambda: doubted(
        Net(lambda net, x: net.l1(net.l0(x)), **parts(l0=(7, 4), l1=(4, 2))),
        Net(put_between, **parts(l0=(7, 4), l2=(4, 4), l1=(4, 2))),
    ),
    "the parent has nothing here, and the identity changes nothing": lambda: doubted(
        Net(lambda net, x: net.l1(net.l0(x)), **parts(l0=(7, 4), l1=(4, 2))),
        Net(put_between, **parts(l0=(7, 4), l2=(4, 4), l1=(4, 2))),
    ),
    "a new branch, which adds nothing yet": lambda: aligned(
        around(),
        Net(with_a_branch, **between(b=nn.Conv2d(4, 4, 1), norm=nn.BatchNorm2d(4))),
        IMAGES,
        change=lambda usual: replace(usual, zeroed=frozenset({"batch_norm.0"})),
    ),
    "new: the parent has nothing here": lambda: grown(
        lambda h: h, sizes=(4, 4), of=entries(*[JUNK] * 4, of=4)
    ),
    "new: the parent has no aten.cos.default here (at cos.0)": lambda: grown(
        lambda h: h, in_child=torch.cos, sizes=(4, 4)
    ),
    "no operator reads it": lambda: doubted(
        Net(lambda net, x: net.b(net.a(x)), a=nn.Conv2d(4, 4, 1), b=nn.BatchNorm2d(4)),
        Net(lambda net, x: net.b(net.a(x)), a=nn.Conv2d(4, 4, 1), b=nn.BatchNorm2d(4)),
        IMAGES,
    ),
    "weight is a direction times a length": lambda: doubted(
        around(),
        Net(
            normed_by_length,
            **between(v=torch.randn(4, 1), g=torch.rand(4, 1), norm=nn.BatchNorm2d(4)),
        ),
        IMAGES,
    ),
    "p_p has shape (1, 4), in the parent (3,)": lambda: made(
        lambda net, x: net.l1(net.l0(x) + net.p),
        lambda n: parts(l0=(7, n), l1=(n, 2), p=torch.randn(n) if n == 3 else torch.randn(1, n)),
    ),
    "other is (4,) int64, in the parent (4,) float64": lambda: made(
        lambda net, x: net.l1(net.l0(x) + net.n),
        lambda n: parts(l0=(7, 4), l1=(4, 2), n=torch.arange(4) if n == 4 else torch.randn(4)),
    ),
    "weight is not a tensor of the state dict but computed (at conv1d.0)": lambda: made(
        lambda net, x: net.l1(functional.conv1d(net.l0(x), net.w.cos()).mean(2)),
        lambda n: parts(l0=(3, n), l1=(2, 2), w=torch.randn(2, 4, 1)),
        x=SERIES,
    ),
    "weight is not a tensor of the state dict but computed (at embedding.0)": lambda: made(
        lambda net, _: net.l1(functional.embedding(PLACES, net.w.cos())),
        lambda n: parts(l1=(n, 2), w=torch.randn(5, n)),
    ),
}

SAID = {**OUTPUTS, **TENSORS}


@pytest.mark.parametrize("reason", SAID)
def test_what_holds_of_a_child_is_said(reason: str) -> None:
    assert reason in told(SAID[reason]())


def test_without_a_proof_it_is_said_how_layers_were_matched() -> None:
    layers = [
        Layer(name, f"module.{kind}", {"weight": (f"{name}.weight", TensorSpec((4,), "float32"))})
        for name, kind in (("a", "Linear"), ("b", "LayerNorm"))
    ]
    certificate = plan_by_layers(layers[:1], layers, reason="the parent has no graph").certificate
    assert certificate.reason == (
        "layers are matched by their order and their kind only: the parent has no graph"
    )
    assert [certificate.tensors[f"{name}.weight"].reason for name in "ab"] == [
        "matched by order and kind only: the parent has no graph",
        "the parent has no layer of its kind in its place",
    ]


def test_a_certificate_says_in_which_mode_it_holds() -> None:
    deeper = Net(lambda net, x: net.c(net.norm(net.a(x))), **between(norm=nn.BatchNorm2d(4)))
    graphs = trace(around(), (IMAGES,)), trace(deeper, (IMAGES,))
    head, coverage = str(plan_transfer(*graphs).certificate).splitlines()
    assert head == (
        "exact in eval mode; in train mode not: a new batch normalization, which train mode follows "
        "(at batch_norm.0)"
    )
    assert coverage == "78.9% of the parameters come from the parent (8 exact, 0 approximate, 1 fresh)"


def test_a_difference_says_in_which_mode_and_of_how_much() -> None:
    module = nn.Linear(2, 2).double()
    difference = measure_difference(module, module, (torch.ones(1, 2),), dtype=torch.float64)
    assert str(difference) == (
        "max |child - parent|: 0.0e+00 in eval mode, 0.0e+00 in train mode; of the parent's largest output: "
        "0.0e+00 and 0.0e+00"
    )


def test_a_relation_that_cannot_be_is_a_mistake_of_whoever_makes_it() -> None:
    with pytest.raises(ValueError, match="a factor is zero or not finite"):
        gather([0, 1], num_parent=2, scales=[1.0, 0.0])
    with pytest.raises(ValueError, match="expected 2 factors and indices below 1, got"):
        gather([0, 1], num_parent=1)


def test_a_plan_is_not_carried_out_on_a_module_without_values() -> None:
    module, x = nn.Linear(2, 2), (torch.ones(1, 2),)
    plan = plan_transfer(trace(module, x), trace(module, x))
    with pytest.raises(InvalidTensor) as caught:
        apply(plan, module.state_dict(), nn.Linear(2, 2, device="meta"))
    assert str(caught.value) == "weight: the module is on the meta device and holds no values."
