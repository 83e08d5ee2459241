"""What is no plan is refused with the place, what was expected and what was found there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from heredity.errors import CorruptData, UnsupportedFormat
from heredity.transfer import plan_from_json

STEP: Mapping[str, Any] = {"tensor": "w", "shape": [2], "how": "fresh", "is_parameter": True}
GATHER = {**STEP, "how": "gather", "source": "v", "source_shape": [2], "axes": [{"sources": [[0, 2, 1]]}]}
CERTIFICATE: Mapping[str, Any] = {
    "tensors": {"w": ["fresh", "new"]},
    "is_exact": False,
    "is_exact_in_training": False,
    "reason": "r",
    "training_reason": "r",
    "coverage": 0,
}
PLAN: Mapping[str, Any] = {"format": 1, "steps": [STEP], "certificate": CERTIFICATE}


def step(**changes: object) -> dict[str, object]:
    return {**PLAN, "steps": [{**STEP, **changes}]}


def gather(**changes: object) -> dict[str, object]:
    return {**PLAN, "steps": [{**GATHER, **changes}]}


def certificate(**changes: object) -> dict[str, object]:
    return {**PLAN, "certificate": {**CERTIFICATE, **changes}}


NOISE = {"axis": 3, "std": 0.1, "seed": 0}

DAMAGE: Mapping[str, Any] = {
    "plan: expected an object, got 3.": 3,
    "plan.format: expected int, got True.": {**PLAN, "format": True},
    "plan.steps: expected a list, got 'w'.": {**PLAN, "steps": "w"},
    "plan: the certificate is not about the tensors of the steps.": {**PLAN, "steps": []},
    "plan.steps[0].how: 'magic' is none of copy, gather, fill, identity, fresh.": step(how="magic"),
    "plan.steps[0]: copy from ''.": step(how="copy"),
    "plan.steps[0].value: expected a number, got '0'.": step(how="fill", value="0"),
    "plan.steps[0]: a copy from shape (3,) to (2,).": step(how="copy", source="v", source_shape=[3]),
    "plan.steps[0]: 1 maps for shape (2, 2).": step(
        how="identity", shape=[2, 2], axes=[{"sources": [[0, 2, 1]]}]
    ),
    "plan.steps[0]: 0 maps from (2,) to (2,).": gather(axes=[]),
    "plan.steps[0]: noise along axis 3 of 1.": gather(noise=NOISE),
    "plan.steps[0]: a map does not lead from 2 entries to 2.": gather(axes=[{"sources": [[1, 2, 1]]}]),
    "plan.steps[0].axes: [0, 2] is no run [first, count, step].": gather(axes=[{"sources": [[0, 2]]}]),
    "plan.steps[0].axes: [1.0] is no run [factor, count].": gather(
        axes=[{"sources": [[0, 2, 1]], "scales": [[1.0]]}]
    ),
    "plan.certificate.w: expected a verdict and a reason, got ['fresh'].": certificate(
        tensors={"w": ["fresh"]}
    ),
    "plan.certificate: it contradicts itself.": certificate(is_exact=True),
}


@pytest.mark.parametrize("message", DAMAGE)
def test_a_damaged_plan_is_refused_by_what_is_wrong(message: str) -> None:
    with pytest.raises(CorruptData) as caught:
        plan_from_json(DAMAGE[message])
    assert str(caught.value) == message


def test_a_newer_plan_asks_for_a_newer_version() -> None:
    with pytest.raises(UnsupportedFormat) as caught:
        plan_from_json({**PLAN, "format": 99})
    assert caught.value.message.startswith("Plan: format 99, this version reads up to ")
    assert caught.value.hint == "Update heredity to read it."
