"""Without a proof, layers are matched by order and kind, and the verdict says no more than that."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from heredity.transfer import (
    How,
    Layer,
    TensorSpec,
    Verdict,
    apply,
    layers_of_graph,
    layers_of_tensors,
    plan_by_layers,
    trace,
    trace_leaf_modules,
)

X = torch.randn(2, 4)


def network(*widths: int) -> nn.Sequential:
    """Linear layers of these widths, each but the last with a norm behind it."""
    layers: list[nn.Module] = []
    for num_in, num_out in zip((4, *widths), (*widths, 3), strict=True):
        layers += [nn.Linear(num_in, num_out), nn.LayerNorm(num_out)]
    return nn.Sequential(*layers[:-1])


def layers(module: nn.Module) -> tuple[Layer, ...]:
    return layers_of_graph(trace_leaf_modules(module, (X,)))


def test_layers_are_matched_whatever_they_are_called() -> None:
    parent, child = network(8), nn.ModuleDict(dict(zip("abc", network(8), strict=True)))
    named = layers_of_tensors(
        {name: TensorSpec(tuple(each.shape), "float32") for name, each in child.named_parameters()}
    )
    plan = plan_by_layers(layers(parent), named, reason="it is a test")
    assert {step.tensor: step.source for step in plan.steps} == {
        "a.weight": "0.weight",
        "a.bias": "0.bias",
        "b.weight": "1.weight",
        "b.bias": "1.bias",
        "c.weight": "2.weight",
        "c.bias": "2.bias",
    }
    assert plan.certificate.coverage == 1.0
    assert plan.certificate.reason.endswith("it is a test")
    assert not plan.certificate.is_exact


def test_a_deeper_child_has_its_new_layers_fresh() -> None:
    plan = plan_by_layers(layers(network(8)), layers(network(8, 8)), reason="")
    verdicts = {name: each.verdict for name, each in plan.certificate.tensors.items()}
    assert verdicts["0.weight"] is Verdict.APPROXIMATE
    assert sum(verdict is Verdict.FRESH for verdict in verdicts.values()) == 4


def test_of_several_long_matches_the_one_with_equal_shapes_is_taken() -> None:
    plan = plan_by_layers(layers(network(8, 16)), layers(network(8, 16, 16)), reason="")
    assert plan.by_tensor["6.weight"].source == "4.weight"
    assert plan.by_tensor["2.weight"].source == "2.weight"


def test_sizes_that_differ_take_the_first_entries() -> None:
    parent, child = network(4), network(6)
    before = child.state_dict()["0.weight"].clone()
    plan = plan_by_layers(layers(parent), layers(child), reason="")
    apply(plan, parent.state_dict(), child)
    assert plan.by_tensor["0.weight"].how is How.GATHER
    assert torch.equal(child.state_dict()["0.weight"][:4], parent.state_dict()["0.weight"])
    assert torch.equal(child.state_dict()["0.weight"][4:], before[4:])
    assert "the first entries are taken" in plan.certificate.tensors["0.weight"].reason


def test_layers_of_other_kinds_are_not_matched() -> None:
    spec = {"weight": ("w", TensorSpec((4,), "float32"))}
    for parent, is_matched in (("module.LayerNorm", False), ("module.RMSNorm", True), ("", True)):
        plan = plan_by_layers(
            [Layer("a", parent, spec)], [Layer("a", "module.RMSNorm", spec)], reason="it is a test"
        )
        assert (plan.steps[0].how is How.COPY) == is_matched


def test_a_graph_of_operators_has_layers_too() -> None:
    module = network(8)
    plan = plan_by_layers(layers_of_graph(trace(module, (X,))), layers(module), reason="")
    assert all(step.source == step.tensor for step in plan.steps)


_KINDS: st.SearchStrategy[list[str]] = st.lists(st.sampled_from("abc"), max_size=6)


@given(_KINDS, _KINDS)
def test_as_many_layers_as_possible_are_matched_in_order(parent: list[str], child: list[str]) -> None:
    sides = [
        [Layer(str(i), kind, {"w": (f"{i}.w", TensorSpec((1,), "float32"))}) for i, kind in enumerate(kinds)]
        for kinds in (parent, child)
    ]
    plan = plan_by_layers(*sides, reason="")
    found = [
        (int(step.source.split(".")[0]), int(step.tensor.split(".")[0]))
        for step in plan.steps
        if step.how is How.COPY
    ]
    assert all(parent[i] == child[j] for i, j in found)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(found))
    assert len(found) == _longest(parent, child)


def _longest(a: list[str], b: list[str]) -> int:
    """The length of the longest common subsequence, by its definition."""
    if not a or not b:
        return 0
    if a[-1] == b[-1]:
        return 1 + _longest(a[:-1], b[:-1])
    return max(_longest(a[:-1], b), _longest(a, b[:-1]))
