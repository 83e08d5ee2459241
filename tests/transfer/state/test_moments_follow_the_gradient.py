"""A child that is given its parent's state has the state that it would have made itself.

With a rate of zero the weights stay, so parent and child may see the same batches for any number of steps,
and each optimizer's own code says what the child's state has to be.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import optim

from heredity.transfer.state import carry_optimizer_state, named_optimizer_state

torch.set_num_threads(1)

# Their small constants are made smaller: a gradient and its half differ by more than a factor beside them.
OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "SGD": partial(optim.SGD, momentum=0.9),
    "SGD with Nesterov": partial(optim.SGD, momentum=0.9, nesterov=True),
    "Adam": optim.Adam,
    "AdamW": partial(optim.AdamW, weight_decay=0.1),
    "AMSGrad": partial(optim.Adam, amsgrad=True),
    "NAdam": optim.NAdam,
    "RAdam": optim.RAdam,
    "Adamax": partial(optim.Adamax, eps=1e-300),
    "RMSprop": partial(optim.RMSprop, momentum=0.9, centered=True, eps=1e-300),
    "Adagrad": optim.Adagrad,
    "Adadelta": partial(optim.Adadelta, eps=1e-20),
    "Rprop": partial(optim.Rprop, step_sizes=(1e-12, 1e-11)),
}
optimizers = pytest.mark.parametrize("name", OPTIMIZERS)
# The first step of a process takes half a second.
few = settings(deadline=None, max_examples=25)


def states(
    growth: Any, kind: Callable[..., optim.Optimizer], batches: Any
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """The child's state as it is carried, and as its own optimizer makes it."""
    of_parent = kind(growth.parent.parameters(), lr=0.0)
    growth.learn(growth.parent, of_parent, batches)
    carried, own = kind(growth.child.parameters(), lr=0.0), kind(growth.child.parameters(), lr=0.0)
    report = carry_optimizer_state(
        growth.plan, named_optimizer_state(growth.parent, of_parent), growth.child, carried
    )
    assert not report.new
    growth.learn(growth.child, own, batches)
    return named_optimizer_state(growth.child, carried), named_optimizer_state(growth.child, own)


@optimizers
@few
@given(seed=st.integers(0, 2**16), num_steps=st.integers(1, 4))
def test_copies_of_units_have_the_state_that_they_would_have_had(
    name: str, seed: int, num_steps: int, grow: Any, batches: Any
) -> None:
    carried, own = states(grow(seed), OPTIMIZERS[name], batches(num_steps))
    # The sizes of updates of these two begin with their small constants.
    has_sizes = name in {"Adadelta", "Rprop"}
    torch.testing.assert_close(carried, own, rtol=1e-6, atol=1e-26 if has_sizes else 1e-14)


@few
@given(seed=st.integers(0, 2**16), num_steps=st.integers(1, 4))
def test_so_have_the_factors_of_adafactor_where_all_units_are_copied_equally_often(
    seed: int, num_steps: int, grow: Any, batches: Any
) -> None:
    kind = partial(optim.Adafactor, eps=(None, 1e-3))
    carried, own = states(grow(seed, is_even=True), kind, batches(num_steps))
    # Two factors hold a moment only nearly, so parent and child, whose own differ, are near.
    torch.testing.assert_close(carried, own, rtol=1e-6, atol=1e-12)


@optimizers
@few
@given(seed=st.integers(0, 2**16))
def test_beside_fresh_units_the_rest_has_the_state_that_it_would_have_had(
    name: str, seed: int, grow: Any, batches: Any, known: Any
) -> None:
    growth = grow(seed, num_fresh=2)
    carried, own = states(growth, OPTIMIZERS[name], batches(3))
    for step in growth.plan.steps:
        for slot, value in carried[step.tensor].items():
            if value.dim():
                mask, expected = known(step), own[step.tensor][slot]
                torch.testing.assert_close(value[mask], expected[mask], rtol=1e-6, atol=1e-14)


@optimizers
def test_the_child_goes_on_training(name: str, grow: Any, batches: Any) -> None:
    growth = grow(3, num_fresh=1)
    of_parent = OPTIMIZERS[name](growth.parent.parameters(), lr=1e-2)
    growth.learn(growth.parent, of_parent, batches(3))
    of_child = OPTIMIZERS[name](growth.child.parameters(), lr=1e-2)
    carry_optimizer_state(
        growth.plan, named_optimizer_state(growth.parent, of_parent), growth.child, of_child
    )
    growth.learn(growth.child, of_child, batches(3))
    assert all(torch.isfinite(parameter).all() for parameter in growth.child.parameters())


@few
@given(seed=st.integers(0, 2**16))
def test_the_first_step_of_adam_on_a_copy_is_the_parents_next_step(
    seed: int, grow: Any, batches: Any
) -> None:
    """For what Adam does is the same whatever the gradient is multiplied by."""
    growth = grow(seed)
    of_parent = optim.Adam(growth.parent.parameters(), lr=0.0, eps=1e-300)
    growth.learn(growth.parent, of_parent, batches(3))
    of_child = optim.Adam(growth.child.parameters(), lr=0.1, eps=1e-300)
    carry_optimizer_state(
        growth.plan, named_optimizer_state(growth.parent, of_parent), growth.child, of_child
    )
    of_parent.param_groups[0]["lr"] = 0.1
    before = {step.tensor: growth.parent.get_parameter(step.source).clone() for step in growth.plan.steps}
    copied = {step.tensor: growth.child.get_parameter(step.tensor).clone() for step in growth.plan.steps}
    growth.learn(growth.parent, of_parent, batches(1))
    growth.learn(growth.child, of_child, batches(1))
    for step in growth.plan.steps:
        moved = growth.parent.get_parameter(step.source) - before[step.tensor]
        for number, axis in enumerate(step.axes):
            moved = moved.index_select(number, torch.tensor(axis.sources))
        now = growth.child.get_parameter(step.tensor) - copied[step.tensor]
        torch.testing.assert_close(now, moved, rtol=1e-6, atol=1e-9)
