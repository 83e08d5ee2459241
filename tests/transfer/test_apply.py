"""Carrying out a plan: what is written, and that nothing is written when something is wrong."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from heredity.errors import InvalidTensor
from heredity.transfer import (
    AxisMap,
    Certificate,
    How,
    Step,
    TensorVerdict,
    TransferPlan,
    Verdict,
    apply,
    plan_transfer,
    trace,
)


def plan_of(*steps: Step) -> TransferPlan:
    verdicts = {step.tensor: TensorVerdict(Verdict.APPROXIMATE, "made by hand") for step in steps}
    return TransferPlan(steps, Certificate(verdicts, False, False, "by hand", "by hand", 0.0))


def holder(*shape: int, dtype: torch.dtype = torch.float32) -> nn.Module:
    module = nn.Module()
    module.register_buffer("w", torch.full(shape, 9, dtype=dtype))
    return module


def gathered(step: Step, source: torch.Tensor, *, dtype: torch.dtype = torch.float32) -> list[object]:
    module = holder(*step.shape, dtype=dtype)
    apply(plan_of(step), {"v": source}, module)
    assert isinstance(module.w, torch.Tensor)
    assert module.w.dtype == dtype
    return module.w.tolist()


def test_an_entry_is_fresh_before_it_is_zero_before_it_is_the_parents() -> None:
    axes = (AxisMap((1, 0, -1, -2)), AxisMap((0, -1, -2)))
    step = Step("w", (4, 3), How.GATHER, "v", (2, 1), axes)
    found = gathered(step, torch.tensor([[1.0], [2.0]]))
    assert found == [[2, 9, 0], [1, 9, 0], [9, 9, 9], [0, 9, 0]]


def test_factors_of_all_axes_are_multiplied() -> None:
    axes = (AxisMap((0, 0), (2.0, 3.0)), AxisMap((0, 1), (5.0, 1.0)))
    assert gathered(Step("w", (2, 2), How.GATHER, "v", (1, 2), axes), torch.ones(1, 2)) == [[10, 2], [15, 3]]


def test_factors_are_multiplied_in_float64_and_cast_last() -> None:
    third = AxisMap((0, 0, 0), (1 / 3, 1 / 3, 1 / 3))
    found = gathered(Step("w", (3,), How.GATHER, "v", (1,), (third,)), torch.ones(1), dtype=torch.float64)
    assert found == [1 / 3] * 3


def test_the_childs_element_type_stays() -> None:
    step = Step("w", (2,), How.GATHER, "v", (2,), (AxisMap((1, 0)),))
    assert gathered(step, torch.tensor([1.0, 2.0], dtype=torch.float64), dtype=torch.bfloat16) == [2, 1]


def test_a_tied_tensor_is_written_once_and_stays_tied() -> None:
    module = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    module["b"].weight = module["a"].weight
    step = Step("a.weight", (2, 2), How.FILL, value=0.5)
    apply(plan_of(step), {}, module)
    assert module["b"].weight is module["a"].weight
    assert module["b"].get_parameter("weight").tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_parameters_stay_the_objects_that_an_optimizer_holds() -> None:
    father, child = nn.Linear(3, 2), nn.Linear(3, 2)
    before = child.weight
    x = (torch.zeros(1, 3),)
    apply(plan_transfer(trace(father, x), trace(child, x)), father.state_dict(), child)
    assert child.weight is before
    assert child.weight.requires_grad
    assert child.weight.grad_fn is None


GOOD = Step("w", (2,), How.FILL, value=1.0)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Step("other", (2,), How.FILL), "the module has none"),
        (Step("w", (3,), How.FILL), r"for shape \(3,\), the module has \(2,\)"),
        (Step("w", (2,), How.COPY, "missing", (2,)), "which has none"),
        (Step("w", (2,), How.COPY, "v", (2,)), r"of shape \(2,\) from the parent, which has \(5,\)"),
        (Step("w", (2,), How.COPY, "n", (2,)), "int64"),
    ],
)
def test_all_checks_come_before_the_first_change(bad: Step, message: str) -> None:
    module = holder(2)
    tensors = {"v": torch.zeros(5), "n": torch.zeros(2, dtype=torch.int64)}
    with pytest.raises(InvalidTensor, match=message):
        apply(plan_of(GOOD, bad), tensors, module)
    assert isinstance(module.w, torch.Tensor)
    assert module.w.tolist() == [9, 9]


def test_a_module_without_values_is_refused() -> None:
    with pytest.raises(InvalidTensor, match="meta device"):
        apply(plan_of(GOOD), {}, holder(2).to("meta"))
