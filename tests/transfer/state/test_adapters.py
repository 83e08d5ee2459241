"""LoRA adapters carried to wider networks, which then compute what the parents with their own do."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from heredity.errors import InvalidTensor
from heredity.transfer import AxisMap, How, Step, TransferPlan
from heredity.transfer.state import carry_adapter

torch.set_num_threads(1)
few = settings(deadline=None, max_examples=20)
Plan = Callable[..., TransferPlan]


def adapter_of(module: nn.Module, *, rank: int, ending: str = ".default.weight") -> dict[str, torch.Tensor]:
    """An adapter for each linear layer, named as peft does."""
    generator = torch.Generator().manual_seed(1)
    state: dict[str, torch.Tensor] = {}
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Linear):
            for side, shape in (("A", (rank, layer.in_features)), ("B", (layer.out_features, rank))):
                values = torch.randn(shape, generator=generator, dtype=torch.float64)
                state[f"base_model.model.{name}.lora_{side}{ending}"] = values
    return state


def shapes_of(adapter: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in adapter.items()}


def with_adapter(module: nn.Module, adapter: Mapping[str, torch.Tensor]) -> nn.Module:
    """A copy with the adapter's product added to the weights, with scaling 2."""
    merged = copy.deepcopy(module)
    for name, a in adapter.items():
        if "lora_A" in name:
            layer = name.removeprefix("base_model.model.").partition(".lora_A")[0]
            with torch.no_grad():
                merged.get_parameter(f"{layer}.weight").add_(2 * adapter[name.replace("_A", "_B")] @ a)
    return merged


@few
@given(
    seed=st.integers(0, 2**16),
    num_fresh=st.integers(0, 2),
    ending=st.sampled_from([".default.weight", ".weight"]),
)
def test_the_child_with_its_adapter_computes_what_the_parent_with_its_own_does(
    seed: int, num_fresh: int, ending: str, grow: Any, batches: Any
) -> None:
    growth = grow(seed, num_fresh=num_fresh)
    adapter = adapter_of(growth.parent, rank=2, ending=ending)
    found, report = carry_adapter(growth.plan, adapter, shapes_of(adapter_of(growth.child, rank=2)))
    assert (report.new, report.unused) == ({}, ())
    ((x, _),) = batches(1)
    expected = with_adapter(growth.parent, adapter)(x)
    assert (with_adapter(growth.child, found)(x) - expected).abs().max() < 1e-12


def test_a_mean_over_units_is_the_mean_of_their_rows(make_plan: Plan) -> None:
    axes = (AxisMap((0, 1, -3), (1.0, 1.0, 3.0)), AxisMap((0,)))
    plan = make_plan(Step("f.weight", (3, 1), How.GATHER, "f.weight", (2, 1), axes))
    name = "f.lora_B.weight"
    found, _ = carry_adapter(plan, {name: torch.tensor([[1.0], [5.0]])}, {name: (3, 1)})
    assert found[name].tolist() == [[1], [5], [9]]


def test_a_convolutions_adapter_gets_the_larger_kernel(make_plan: Plan) -> None:
    same, kernel = AxisMap((0,)), AxisMap((-2, 0, -2))
    plan = make_plan(
        Step("f.weight", (1, 1, 3, 3), How.GATHER, "f.weight", (1, 1, 1, 1), (same, same, kernel, kernel))
    )
    adapter = {"f.lora_A.weight": torch.ones(2, 1, 1, 1), "f.lora_B.weight": torch.ones(1, 2, 1, 1)}
    shapes = {"f.lora_A.weight": (2, 1, 3, 3), "f.lora_B.weight": (1, 2, 1, 1)}
    found, _ = carry_adapter(plan, adapter, shapes)
    assert torch.equal(found["f.lora_A.weight"], nn.functional.pad(torch.ones(2, 1, 1, 1), (1, 1, 1, 1)))
    assert torch.equal(found["f.lora_B.weight"], torch.ones(1, 2, 1, 1))


@pytest.mark.parametrize(("names", "is_transposed"), [("lora_embedding_", False), ("lora_", True)])
def test_embeddings_and_transposed_weights_have_their_axes_the_other_way_round(
    names: str, is_transposed: bool, make_plan: Plan
) -> None:
    axes = (AxisMap((0, 1, 2)), AxisMap((1, 0)))
    plan = make_plan(Step("e.weight", (3, 2), How.GATHER, "e.weight", (3, 2), axes))
    adapter = {f"e.{names}A": torch.ones(1, 3), f"e.{names}B": torch.tensor([[1.0], [2.0]])}
    found, _ = carry_adapter(plan, adapter, shapes_of(adapter), is_transposed=is_transposed)
    assert found[f"e.{names}B"].tolist() == [[2], [1]]
    assert torch.equal(found[f"e.{names}A"], torch.ones(1, 3))


def test_the_report_says_what_is_new_what_is_unused_and_why(make_plan: Plan) -> None:
    plan = make_plan(
        Step("f.weight", (2, 2), How.FRESH), Step("g.weight", (1, 1), How.COPY, "h.weight", (1, 1))
    )
    adapter = {"f.lora_A.weight": torch.ones(1, 2)}
    names = ["f.lora_A.weight", "g.lora_A.weight", "i.lora_A.weight", "f.scale"]
    found, report = carry_adapter(plan, adapter, dict.fromkeys(names, (1, 2)))
    assert found == {}
    assert str(report).splitlines() == [
        "adapter: 0 of 4 tensors carried",
        "new: f.lora_A.weight: f.weight is not the parent's (fresh)",
        "new: g.lora_A.weight: the parent's adapter has none for h",
        "new: i.lora_A.weight: the plan says nothing of i.weight",
        "new: f.scale: it is none of A, B and B's bias",
        "not used: f.lora_A.weight",
    ]


def test_an_adapter_with_magnitudes_is_left_out(make_plan: Plan) -> None:
    plan = make_plan(Step("f.weight", (2, 2), How.COPY, "f.weight", (2, 2)))
    adapter = {"f.lora_A.weight": torch.ones(1, 2), "f.lora_magnitude_vector": torch.ones(2)}
    found, report = carry_adapter(plan, adapter, {"f.lora_A.weight": (1, 2)})
    assert found == {}
    assert "DoRA" in report.new["f.lora_A.weight"]


@pytest.mark.parametrize(
    ("adapter", "shape", "problem"),
    [
        ({"f.lora_A.weight": torch.ones(1, 3)}, (1, 2), "does not fit f.weight of shape"),
        ({"f.lora_A.weight": torch.ones(1, 2)}, (4, 2), r"expects the shape \(4, 2\).*grow_rank"),
        (
            {"f.lora_A.x.weight": torch.ones(1, 2), "f.lora_A.y.weight": torch.ones(1, 2)},
            (1, 2),
            "two adapters",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    adapter: dict[str, torch.Tensor], shape: tuple[int, ...], problem: str, make_plan: Plan
) -> None:
    plan = make_plan(Step("f.weight", (2, 2), How.COPY, "f.weight", (2, 2)))
    with pytest.raises(InvalidTensor, match=problem):
        carry_adapter(plan, adapter, {"f.lora_A.weight": shape})
