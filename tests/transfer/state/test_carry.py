"""What a child's optimizer takes of its parent's state, what it does not, and what the report says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn, optim

from heredity.errors import InputError, InvalidTensor
from heredity.transfer import AxisMap, How, Step, TransferPlan
from heredity.transfer.state import carry_optimizer_state, named_optimizer_state

torch.set_num_threads(1)
Plan = Callable[..., TransferPlan]


class Holder(nn.Module):
    """A module of one parameter."""

    def __init__(self, *shape: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(shape, dtype=dtype))


def carried(
    plan: TransferPlan,
    slots: dict[str, Any],
    *,
    make: Callable[..., optim.Optimizer] = optim.Adam,
    dtype: torch.dtype = torch.float64,
) -> tuple[dict[str, Any], dict[str, str]]:
    """What the child's only parameter gets of the slots of its parent's, and the reasons for what is new."""
    module = Holder(*plan.steps[0].shape, dtype=dtype)
    optimizer = make(module.parameters())
    report = carry_optimizer_state(plan, {"v": slots}, module, optimizer)
    return named_optimizer_state(module, optimizer).get("w", {}), dict(report.new)


def copy_of(*shape: int) -> Step:
    return Step("w", shape, How.COPY, "v", shape)


def adam(*shape: int, value: float = 1.0) -> dict[str, Any]:
    moment = torch.full(shape, value)
    return {"step": torch.tensor(7.0), "exp_avg": moment, "exp_avg_sq": moment.clone()}


def test_new_entries_begin_with_no_momentum_and_the_mean_size_of_their_row(make_plan: Plan) -> None:
    axes = (AxisMap((0, 1, -1)), AxisMap((1, 0, -2)))
    plan = make_plan(Step("w", (3, 3), How.GATHER, "v", (2, 2), axes))
    moment = torch.tensor([[1.0, 3.0], [5.0, 9.0]])
    found, _ = carried(plan, {"step": torch.tensor(7.0), "exp_avg": moment, "exp_avg_sq": moment})
    assert found["step"] == 7
    assert found["exp_avg"].tolist() == [[3, 1, 0], [9, 5, 0], [0, 0, 0]]
    # The last row has no entry of its own, so it begins with the mean of all.
    assert found["exp_avg_sq"].tolist() == [[3, 1, 2], [9, 5, 7], [4.5, 4.5, 4.5]]


def test_a_copy_without_a_share_in_the_gradient_is_new(make_plan: Plan) -> None:
    axis = AxisMap((0, 0, 1), None, (1.0, 0.0, 1.0))
    found, _ = carried(make_plan(Step("w", (3,), How.GATHER, "v", (2,), (axis,))), adam(2, value=4.0))
    assert found["exp_avg"].tolist() == [4, 0, 4]
    assert found["exp_avg_sq"].tolist() == [4, 4, 4]


@pytest.mark.parametrize(
    ("names", "keeps_axes"),
    [(("row_var", "col_var"), True), (("exp_avg_sq_row", "exp_avg_sq_col"), False)],
)
def test_factors_of_a_moment_become_those_of_the_mapped_moment(
    names: tuple[str, str], keeps_axes: bool, make_plan: Plan
) -> None:
    axes = (AxisMap((0, 1, 1), None, (1.0, 0.5, 0.5)), AxisMap((0, 0, 1)))
    plan = make_plan(Step("w", (3, 3), How.GATHER, "v", (2, 2), axes))
    # The moment is the outer product of (1, 2) and (3, 5), the child's that of (1, 1/2, 1/2) and (3, 3, 5).
    row, column = torch.tensor([[4.0], [8.0]]), torch.tensor([[4.5, 7.5]])
    slots = dict(zip(names, (row, column) if keeps_axes else (row[:, 0], column[0]), strict=True))
    found, _ = carried(plan, slots, make=Lion)
    assert found[names[0]].flatten().tolist() == pytest.approx([11 / 3, 11 / 6, 11 / 6])
    assert found[names[1]].flatten().tolist() == pytest.approx([2.0, 2.0, 10 / 3])
    assert found[names[0]].dim() == found[names[1]].dim() == (2 if keeps_axes else 1)


@pytest.mark.parametrize(
    "step",
    [
        Step("w", (3,), How.GATHER, "v", (2,), (AxisMap((0, 1, 1)),)),
        Step("w", (3, 2), How.COPY, "v", (3, 2)),
        Step("w", (2, 1), How.GATHER, "v", (2, 3), (AxisMap((0, 1)), AxisMap((0,)))),
    ],
)
def test_factors_of_another_parameter_are_left_behind(step: Step, make_plan: Plan) -> None:
    slots = {"row_var": torch.ones(2, 1), "col_var": torch.ones(1, 2)}
    found, new = carried(make_plan(step), slots, make=Lion)
    assert found == {}
    assert "no factors" in new["w"]


def test_factors_go_with_a_copy_as_they_are(make_plan: Plan) -> None:
    slots = {"row_var": torch.ones(2, 1), "col_var": torch.ones(1, 2)}
    found, _ = carried(make_plan(copy_of(2, 2)), slots, make=Lion)
    torch.testing.assert_close(found, slots, check_dtype=False)


def test_without_any_of_the_parents_gradient_there_is_no_state(make_plan: Plan) -> None:
    axes = (AxisMap((0, 0), None, (0.0, 0.0)),)
    found, new = carried(make_plan(Step("w", (2,), How.GATHER, "v", (1,), axes)), adam(1))
    assert found == {}
    assert new == {"w": "none of its gradient was the parent's"}


@pytest.mark.parametrize("how", [How.FRESH, How.FILL, How.IDENTITY])
def test_what_is_not_the_parents_begins_without_state(how: How, make_plan: Plan) -> None:
    found, new = carried(make_plan(Step("w", (2,), how)), adam(2))
    assert found == {}
    assert "weights are not the parent's" in new["w"]


def test_values_of_another_block_come_without_its_state(make_plan: Plan) -> None:
    plan = make_plan(copy_of(2), reason="as in the block like it")
    found, new = carried(plan, adam(2))
    assert found == {}
    assert new == {
        "w": "it has the parent's values, and no gradient of the parent's (as in the block like it)"
    }


@pytest.mark.parametrize(
    ("make", "slots", "reason"),
    [
        (lambda p: optim.Adam(p, amsgrad=True), adam(2), "Adam needs max_exp_avg_sq as well"),
        (optim.NAdam, adam(2), "NAdam needs mu_product as well"),
        (optim.SGD, adam(2), "exp_avg, exp_avg_sq, step is not kept by SGD"),
        (lambda p: optim.SGD(p, momentum=0.5), {}, "SGD needs momentum_buffer as well"),
        (optim.SGD, {}, "keeps no state"),
        (optim.Adam, adam(3), r"exp_avg has the shape (3,), not its parameter's (2,)"),
    ],
)
def test_a_parameter_gets_all_slots_or_none(
    make: Callable[..., optim.Optimizer], slots: dict[str, Any], reason: str, make_plan: Plan
) -> None:
    found, new = carried(make_plan(copy_of(2)), slots, make=make)
    assert found == {}
    assert reason in new["w"]


def test_slots_that_are_switched_off_are_left_behind(make_plan: Plan) -> None:
    found, new = carried(make_plan(copy_of(2)), adam(2) | {"max_exp_avg_sq": torch.ones(2)})
    assert found.keys() == {"step", "exp_avg", "exp_avg_sq"}
    assert not new


class Lion(optim.Optimizer):
    """Of another library, with a slot that nobody knows."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, {"lr": 1.0})


def test_an_unknown_slot_goes_with_a_copy_only(make_plan: Plan) -> None:
    slots = {"trace": torch.ones(2), "count": 3, "exp_avg": torch.ones(2)}
    assert carried(make_plan(copy_of(2)), slots, make=Lion)[0].keys() == slots.keys()
    gather = Step("w", (3,), How.GATHER, "v", (2,), (AxisMap((0, 1, 1)),))
    found, new = carried(make_plan(gather), slots, make=Lion)
    assert found == {}
    assert new == {"w": "how trace follows from the gradient is not known"}


def test_moments_get_the_parameters_dtype_and_counts_keep_theirs(make_plan: Plan) -> None:
    found, _ = carried(make_plan(copy_of(2)), adam(2), dtype=torch.bfloat16)
    assert {slot: value.dtype for slot, value in found.items()} == {
        "step": torch.float32,
        "exp_avg": torch.bfloat16,
        "exp_avg_sq": torch.bfloat16,
    }


def test_complex_moments_are_scaled_by_real_factors(make_plan: Plan) -> None:
    axes = (AxisMap((0, 0), None, (0.5, -0.5)),)
    moment = torch.tensor([2 + 4j])
    slots = {"step": torch.tensor(1.0), "square_avg": moment, "momentum_buffer": moment}
    found, _ = carried(
        make_plan(Step("w", (2,), How.GATHER, "v", (1,), axes)),
        slots,
        make=lambda p: optim.RMSprop(p, momentum=0.5),
        dtype=torch.complex64,
    )
    assert found["square_avg"].tolist() == [0.5 + 1j, 0.5 + 1j]
    assert found["momentum_buffer"].tolist() == [2 + 4j, -2 - 4j]


def test_the_childs_hyperparameters_and_groups_stay(make_plan: Plan) -> None:
    module = nn.ModuleDict({"a": Holder(2), "b": Holder(2)})
    first, second = module.parameters()
    groups: list[dict[str, Any]] = [{"params": [second], "lr": 0.5}, {"params": [first]}]
    optimizer = optim.Adam(groups, lr=0.25, betas=(0.1, 0.2))
    steps = (Step("a.w", (2,), How.COPY, "x", (2,)), Step("b.w", (2,), How.COPY, "y", (2,)))
    state = {"x": adam(2, value=1.0), "y": adam(2, value=2.0)}
    report = carry_optimizer_state(make_plan(*steps), state, module, optimizer)
    assert set(report.carried) == {"a.w", "b.w"}
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.25]
    assert optimizer.state[second]["exp_avg"].tolist() == [2, 2]


def test_a_tied_parameter_has_one_state_under_any_of_its_names(make_plan: Plan) -> None:
    module = nn.ModuleDict({"a": Holder(2), "b": Holder(2)})
    module["b"].w = module["a"].w
    optimizer = optim.Adam(module.parameters())
    plan = make_plan(Step("b.w", (2,), How.COPY, "v", (2,)))
    report = carry_optimizer_state(plan, {"v": adam(2)}, module, optimizer)
    assert report.carried == ("a.w",)


class Wrapper(optim.Optimizer):
    """As accelerate wraps an optimizer."""

    def __init__(self, optimizer: optim.Optimizer) -> None:
        self.optimizer = optimizer
        self.state, self.param_groups = optimizer.state, optimizer.param_groups


def test_a_wrapped_optimizer_is_seen_through(make_plan: Plan) -> None:
    axes = (AxisMap((0, 1, 1), None, (1.0, 0.5, -0.5)),)
    plan = make_plan(Step("w", (3,), How.GATHER, "v", (2,), axes))
    slots = {name: torch.ones(2) for name in ("square_avg", "momentum_buffer")} | {"step": torch.tensor(1.0)}
    found, new = carried(plan, slots, make=lambda p: Wrapper(optim.RMSprop(p, momentum=0.9)))
    assert not new
    assert found["momentum_buffer"].tolist() == [1, 1, -1]


def test_the_report_says_what_is_new_and_why(make_plan: Plan) -> None:
    module = nn.ModuleDict({"a": Holder(2), "b": Holder(2)})
    plan = make_plan(Step("a.w", (2,), How.COPY, "v", (2,)))
    report = carry_optimizer_state(plan, {"v": adam(2)}, module, optim.Adam(module.parameters()))
    first, second, *rest = str(report).splitlines()
    assert first == "optimizer state: 1 of 2 parameters carried"
    assert second == "new: b.w: the plan says nothing of it"
    assert rest == str(report.advice).splitlines()


def test_a_parent_without_state_for_a_parameter_is_named(make_plan: Plan) -> None:
    module = Holder(2)
    report = carry_optimizer_state(make_plan(copy_of(2)), {}, module, optim.Adam(module.parameters()))
    assert report.new == {"w": "the parent's optimizer has no state for v"}


def test_a_plan_for_another_module_is_refused_and_nothing_changes(make_plan: Plan) -> None:
    module = nn.ModuleDict({"a": Holder(2), "b": Holder(3)})
    optimizer = optim.Adam(module.parameters())
    plan = make_plan(Step("a.w", (2,), How.COPY, "v", (2,)), Step("b.w", (2,), How.COPY, "v", (2,)))
    with pytest.raises(InvalidTensor, match=r"b\.w: the plan is for shape \(2,\), the module has \(3,\)"):
        carry_optimizer_state(plan, {"v": adam(2)}, module, optimizer)
    assert not optimizer.state


def test_an_optimizer_of_another_module_is_refused() -> None:
    with pytest.raises(InputError, match=r"of shape \(3,\) that is not one of this Holder's"):
        named_optimizer_state(Holder(2), optim.Adam(Holder(3).parameters()))


def test_a_state_that_is_not_by_parameter_is_refused() -> None:
    module = Holder(2)
    optimizer = optim.LBFGS(module.parameters(), max_iter=1)

    def loss() -> Any:
        optimizer.zero_grad()
        value = (module.w - 1).square().sum()
        torch.autograd.backward(value)
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]  # torch has not typed this one
    with pytest.raises(InvalidTensor, match="got list"):
        named_optimizer_state(module, optimizer)
