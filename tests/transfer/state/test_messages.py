"""What cannot be carried along is said with the name, what was expected, what came, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.optim.swa_utils import AveragedModel

from heredity.checkpoints import optimizer_tensors
from heredity.errors import HeredityError, InputError, InvalidTensor
from heredity.transfer import How, Step, TransferPlan
from heredity.transfer.state import (
    carry_adapter,
    carry_average,
    carry_averaged_model,
    carry_optimizer_state,
    grow_rank,
    named_optimizer_state,
    restore_optimizer_state,
    rewarm_advice,
    shrink_rank,
)

Plan = Callable[..., TransferPlan]
A, B = "f.lora_A.weight", "f.lora_B.weight"
COPY = Step("f.weight", (2, 2), How.COPY, "f.weight", (2, 2))


def ones(*shape: int) -> torch.Tensor:
    return torch.ones(shape)


def linear() -> nn.Linear:
    return nn.Linear(2, 2)


def adam(module: nn.Module) -> optim.Optimizer:
    return optim.Adam(module.parameters())


def message_of(call: Callable[[], object]) -> tuple[type[HeredityError], str]:
    with pytest.raises(HeredityError) as caught:
        call()
    return caught.type, str(caught.value)


ADAPTERS: Mapping[str, tuple[dict[str, torch.Tensor], tuple[int, ...]]] = {
    "f.lora_A.weight: its shape (1, 3) does not fit f.weight of shape (2, 2). Say is_transposed if the "
    "weights are [in, out].": ({A: ones(1, 3)}, (1, 2)),
    "f.lora_A.weight: the child expects the shape (4, 2), carried was (1, 2). If the ranks differ, change "
    "that of the parent's adapter first: grow_rank, shrink_rank.": ({A: ones(1, 2)}, (4, 2)),
    "f.lora_A.x.weight and f.lora_A.y.weight are of two adapters. Carry one adapter at a time.": (
        {"f.lora_A.x.weight": ones(1, 2), "f.lora_A.y.weight": ones(1, 2)},
        (1, 2),
    ),
}


@pytest.mark.parametrize("message", ADAPTERS)
def test_an_adapter_that_does_not_fit_is_refused(message: str, make_plan: Plan) -> None:
    adapter, shape = ADAPTERS[message]
    found = message_of(lambda: carry_adapter(make_plan(COPY), adapter, {A: shape}))
    assert found == (InvalidTensor, message)


def test_an_adapter_with_magnitudes_begins_anew(make_plan: Plan) -> None:
    adapter = {A: ones(1, 2), "f.lora_magnitude_vector": ones(2)}
    _, report = carry_adapter(make_plan(COPY), adapter, {A: (1, 2)})
    assert report.new == {A: "f has a magnitude vector (DoRA), which is not linear in the weight"}


def test_an_adapter_of_a_layer_that_is_fresh_begins_anew(make_plan: Plan) -> None:
    _, report = carry_adapter(make_plan(Step("f.weight", (2, 2), How.FRESH)), {A: ones(1, 2)}, {A: (1, 2)})
    assert report.new == {A: "f.weight is not the parent's (fresh)"}


def grown(rank: int, *, ratio: float = 1.0, b: torch.Tensor | None = None) -> object:
    adapter = {A: ones(3, 4), B: ones(3, 3) if b is None else b}
    return grow_rank(adapter, rank=rank, scaling_ratio=ratio, generator=torch.Generator())


RANKS: Mapping[str, Callable[[], object]] = {
    "f.lora_A.weight: expected a rank below 2, its rank is 3. `shrink_rank` makes less of it.": lambda: grown(
        2
    ),
    "f.lora_A.weight: expected a rank from 1 to 3, got 4. `grow_rank` makes more of it.": lambda: shrink_rank(
        {A: ones(3, 4), B: ones(3, 3)}, rank=4, scaling_ratio=1.0
    ),
    "scaling_ratio: expected a positive number, got 0.0.": lambda: grown(4, ratio=0.0),
    "f.lora_A.weight is of shape (3, 4), f.lora_B.weight is missing: they are no pair. Give the state of a "
    "LoRA adapter, as peft names it.": lambda: grow_rank(
        {A: ones(3, 4)}, rank=4, scaling_ratio=1.0, generator=torch.Generator()
    ),
    "f.lora_A.weight is of shape (3, 4), f.lora_B.weight is of shape (3, 5): they are no pair. Give the "
    "state of a LoRA adapter, as peft names it.": lambda: grown(4, b=ones(3, 5)),
}


@pytest.mark.parametrize("message", RANKS)
def test_a_rank_that_cannot_be_is_refused(message: str) -> None:
    kind, found = message_of(RANKS[message])
    assert found == message
    assert kind is (InvalidTensor if "no pair" in message else InputError)


def test_an_average_lacks_no_parameter(make_plan: Plan) -> None:
    plan = make_plan(COPY, Step("f.bias", (2,), How.COPY, "f.bias", (2,)))
    child = nn.ModuleDict({"f": linear()})
    assert message_of(lambda: carry_average(plan, {"f.weight": ones(2, 2)}, child)) == (
        InvalidTensor,
        (
            "f.bias: the plan takes f.bias of shape (2,) from the parent, which has none. Make the plan for "
            "the graph of this parent."
        ),
    )


def test_a_plain_state_dict_is_no_averaged_models(make_plan: Plan) -> None:
    child = AveragedModel(nn.ModuleDict({"f": linear()}))
    assert message_of(lambda: carry_averaged_model(make_plan(COPY), {"f.weight": ones(2, 2)}, child)) == (
        InvalidTensor,
        (
            "expected the state dict of an AveragedModel, with its 'n_averaged'; it is missing. "
            "`carry_average` takes a plain state dict."
        ),
    )


def test_an_optimizer_of_another_module_is_refused() -> None:
    assert message_of(lambda: named_optimizer_state(linear(), adam(nn.Linear(3, 3)))) == (
        InputError,
        (
            "Group 0 of the optimizer holds a parameter of shape (3, 3) that is not one of this Linear's. "
            "Give the module from whose parameters the optimizer was made."
        ),
    )


def test_a_state_that_is_not_by_parameter_is_refused() -> None:
    module = linear()
    optimizer = adam(module)
    optimizer.state[module.weight] = {"history": [1, 2]}
    assert message_of(lambda: named_optimizer_state(module, optimizer)) == (
        InvalidTensor,
        (
            "weight, history: expected a tensor or a number, got list. The state of such an optimizer is "
            "not by parameter; save and carry the weights without it."
        ),
    )


def test_a_state_of_another_kind_is_refused_with_all_that_does_not_fit() -> None:
    module = linear()
    state: Mapping[str, Any] = {"bias": {"exp_avg": ones(3)}, "other": {}}
    assert message_of(lambda: restore_optimizer_state(module, adam(module), state)) == (
        InputError,
        (
            "The state does not fit this Adam:\nbias: Adam needs exp_avg_sq, step as well\nother: the "
            "optimizer trains no parameter of this name.\n`carry_optimizer_state` takes what fits to another "
            "network."
        ),
    )


def test_a_slot_of_another_shape_is_refused() -> None:
    module = linear()
    optimizer = optim.Adagrad(module.parameters())
    state: Mapping[str, Any] = {"bias": {"step": 1, "sum": ones(3)}}
    _, message = message_of(lambda: restore_optimizer_state(module, optimizer, state))
    assert "bias: sum has the shape (3,), the parameter (2,)" in message


def test_a_plan_for_another_module_is_refused(make_plan: Plan) -> None:
    module = nn.ModuleDict({"f": nn.Linear(2, 3)})
    state: Mapping[str, Any] = {"f.weight": {"momentum_buffer": ones(2, 2)}}
    optimizer = optim.SGD(module.parameters(), momentum=0.9)
    assert message_of(lambda: carry_optimizer_state(make_plan(COPY), state, module, optimizer)) == (
        InvalidTensor,
        (
            "f.weight: the plan is for shape (2, 2), the module has (3, 2). Make the plan for the graph of "
            "this module."
        ),
    )


def test_factors_of_a_second_moment_that_do_not_fit_begin_anew(make_plan: Plan) -> None:
    module = nn.ModuleDict({"f": linear()})
    state: Mapping[str, Any] = {
        "f.weight": {"step": torch.tensor(1.0), "row_var": ones(3, 1), "col_var": ones(1, 2)}
    }
    optimizer = optim.Adafactor(module.parameters())
    report = carry_optimizer_state(make_plan(COPY), state, module, optimizer)
    assert report.new["f.weight"] == "row_var and col_var are no factors for a parameter of shape (2, 2)"


def test_a_name_that_no_slot_may_have_is_refused() -> None:
    assert message_of(lambda: optimizer_tensors({"w": {"a/b": 1}})) == (
        InvalidTensor,
        "optimizer/w/a/b: a slot's name may not be empty or have a slash or a colon.",
    )


def test_the_learning_rate_s_advice_gives_its_reasons(make_plan: Plan) -> None:
    plan = make_plan(COPY, Step("g.weight", (2, 2), How.FRESH), coverage=0.5, is_exact=False)
    assert str(rewarm_advice(plan, state_coverage=0.5, total_steps=1000)).splitlines() == [
        "learning rate: rise from 0.5 to 1 times the child's own in 100 steps",
        (
            "- 50% of the optimizer's state came over; staged training warms up for 150 to 200 steps after "
            "each growth."
        ),
        "- Shortened to a tenth of 1000 steps.",
        (
            "- 50% of the parameters are trained already and would be shaken by a full rate; ModelKeeper "
            "begins with 1 minus that share, at least 0.3."
        ),
        "- Then the child's own highest rate, with a faster decay than from scratch (LEMON).",
        "- The transfer is not exact: expect a loss above the parent's at first.",
    ]


def test_without_a_transfer_there_is_no_warm_up(make_plan: Plan) -> None:
    goes_on = str(rewarm_advice(make_plan(COPY, coverage=1.0), state_coverage=1.0))
    begins = str(rewarm_advice(make_plan(Step("g", (2,), How.FRESH), coverage=0.0)))
    no_warm_up = "learning rate: no warm-up on account of the transfer\n- "
    assert begins == f"{no_warm_up}Nothing was inherited: train as from scratch."
    assert goes_on == (
        f"{no_warm_up}Network and optimizer go on as they were: keep the parent's place in its schedule too."
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"state_coverage": 1.1}, "state_coverage: expected a share from 0 to 1, got 1.1."),
        ({"total_steps": -1}, "total_steps: expected 0 or more, got -1."),
    ],
)
def test_advice_for_what_cannot_be_is_refused(
    settings: dict[str, Any], message: str, make_plan: Plan
) -> None:
    assert message_of(lambda: rewarm_advice(make_plan(COPY), **settings)) == (InputError, message)
