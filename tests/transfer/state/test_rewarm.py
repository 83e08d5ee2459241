"""Advice on the learning rate after a transfer, case by case."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heredity.errors import InputError
from heredity.transfer import How, Step, TransferPlan
from heredity.transfer.state import RewarmAdvice, rewarm_advice

Plan = Callable[..., TransferPlan]
COPY, FRESH = Step("w", (2,), How.COPY, "w", (2,)), Step("v", (2,), How.FRESH)


def test_a_network_that_goes_on_as_it_was_needs_none(make_plan: Plan) -> None:
    advice = rewarm_advice(make_plan(COPY, coverage=1.0), state_coverage=1.0)
    assert advice.steps == 0
    assert str(advice).startswith(
        "learning rate: no warm-up on account of the transfer\n- Network and optimizer"
    )


def test_a_network_that_inherited_nothing_needs_none(make_plan: Plan) -> None:
    advice = rewarm_advice(make_plan(FRESH, coverage=0.0))
    assert (advice.steps, advice.factor) == (0, 1.0)


@pytest.mark.parametrize(("coverage", "factor"), [(0.2, 0.8), (0.5, 0.5), (0.9, 0.3)])
def test_the_more_was_inherited_the_lower_it_begins(coverage: float, factor: float, make_plan: Plan) -> None:
    assert rewarm_advice(make_plan(COPY, FRESH, coverage=coverage)).factor == pytest.approx(factor)


def test_without_the_optimizers_state_it_takes_longer(make_plan: Plan) -> None:
    plan = make_plan(COPY, FRESH)
    assert rewarm_advice(plan, state_coverage=1.0).steps < rewarm_advice(plan, state_coverage=0.9).steps


def test_a_short_training_has_a_short_warm_up(make_plan: Plan) -> None:
    advice = rewarm_advice(make_plan(COPY, FRESH), total_steps=300)
    assert advice.steps == 30
    assert "Shortened to a tenth of 300 steps." in str(advice)


def test_an_inexact_transfer_is_said_to_be_one(make_plan: Plan) -> None:
    assert "not exact" in str(rewarm_advice(make_plan(COPY, is_exact=False), state_coverage=1.0))


def test_it_prints_the_numbers_before_the_reasons(make_plan: Plan) -> None:
    first, *reasons = str(rewarm_advice(make_plan(COPY, FRESH))).splitlines()
    assert first == "learning rate: rise from 0.5 to 1 times the child's own in 200 steps"
    assert len(reasons) == 3


@given(steps=st.integers(0, 50), factor=st.floats(0.1, 1), step=st.integers(0, 60))
def test_the_factor_rises_to_one_and_stays(steps: int, factor: float, step: int) -> None:
    advice = RewarmAdvice(steps, factor, ())
    assert factor <= advice.factor_at(step) <= advice.factor_at(step + 1) + 1e-12
    assert advice.factor_at(steps) == 1.0


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_that_is_none_is_refused(share: float, make_plan: Plan) -> None:
    with pytest.raises(InputError, match="state_coverage"):
        rewarm_advice(make_plan(COPY), state_coverage=share)


def test_a_negative_number_of_steps_is_refused(make_plan: Plan) -> None:
    with pytest.raises(InputError, match="total_steps"):
        rewarm_advice(make_plan(COPY), total_steps=-1)
