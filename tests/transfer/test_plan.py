"""Plans as data: they print, they survive JSON, and nothing else becomes a plan."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from heredity.encoding import decode, encode
from heredity.errors import CorruptData, UnsupportedFormat
from heredity.testing.generators import demo_network
from heredity.transfer import (
    AxisMap,
    Certificate,
    How,
    Step,
    TensorSpec,
    TensorVerdict,
    TransferPlan,
    Verdict,
    plan_by_name,
    plan_from_json,
    plan_transfer,
    trace,
)


@pytest.fixture(name="plan", scope="module")
def make_plan() -> TransferPlan:
    x = (torch.zeros(1, 1, 8, 8),)
    small, large = demo_network(width=4, depth=1), demo_network(width=6, depth=2)
    return plan_transfer(trace(small, x), trace(large, x))


def test_a_plan_prints_as_a_table(plan: TransferPlan) -> None:
    head, *rows = str(plan).splitlines()
    assert head.split() == ["tensor", "verdict", "from", "how", "reason"]
    assert rows[0].split("  ")[0] == "0.weight"
    assert "gather [4 of 4, 2 fresh] [4 of 4, 2 zero] [:] [:]" in str(plan)
    assert rows[-2] == "exact, in eval mode and, dropout aside, in train mode"
    assert rows[-1].startswith("45.8% of the parameters")


def test_a_plan_reads_back_as_it_was(plan: TransferPlan) -> None:
    assert plan_from_json(decode(encode(plan.to_json()))) == plan


@given(st.data())
def test_any_map_reads_back_as_it_was(data: st.DataObject) -> None:
    sources = data.draw(st.lists(st.integers(-2, 5), max_size=12))
    is_scaled = data.draw(st.booleans())
    scales = tuple(data.draw(st.floats(-4, 4)) for _ in sources) if is_scaled else None
    step = Step("w", (len(sources),), How.GATHER, "v", (6,), (AxisMap(tuple(sources), scales),))
    certificate = Certificate({"w": TensorVerdict(Verdict.EXACT)}, True, True, "", "", 0.5)
    plan = TransferPlan((step,), certificate)
    assert plan_from_json(decode(encode(plan.to_json()))) == plan


def test_the_size_of_a_stored_plan_does_not_follow_the_width() -> None:
    axis = AxisMap((*range(5000), *[-1] * 3000))
    step = Step("w", (8000,), How.GATHER, "v", (5000,), (axis,))
    certificate = Certificate({"w": TensorVerdict(Verdict.EXACT)}, True, True, "", "", 0.5)
    assert len(encode(TransferPlan((step,), certificate).to_json())) < 500


STEP: dict[str, Any] = {"tensor": "w", "shape": [2], "how": "fresh", "is_parameter": True}
GATHER = STEP | {"how": "gather", "source": "v", "source_shape": [2], "axes": [{"sources": [[0, 2, 1]]}]}
CERTIFICATE: dict[str, Any] = {
    "tensors": {"w": ["fresh", "new"]},
    "is_exact": False,
    "is_exact_in_training": False,
    "reason": "r",
    "training_reason": "r",
    "coverage": 0,
}
PLAN: dict[str, Any] = {"format": 1, "steps": [STEP], "certificate": CERTIFICATE}


@pytest.mark.parametrize(
    "broken",
    [
        3,
        PLAN | {"format": True},
        PLAN | {"steps": "w"},
        PLAN | {"steps": []},
        PLAN | {"steps": [STEP | {"how": "magic"}]},
        PLAN | {"steps": [STEP | {"how": "copy"}]},
        PLAN | {"steps": [STEP | {"shape": ["2"]}]},
        PLAN | {"steps": [STEP | {"how": "copy", "source": "v", "source_shape": [3]}]},
        PLAN | {"steps": [STEP | {"how": "fill", "value": "0"}]},
        PLAN | {"steps": [GATHER | {"axes": []}]},
        PLAN | {"steps": [GATHER | {"axes": [{"sources": [[0, 2]]}]}]},
        PLAN | {"steps": [GATHER | {"axes": [{"sources": [[0, 2**40, 1]]}]}]},
        PLAN | {"steps": [GATHER | {"axes": [{"sources": [[1, 2, 1]]}]}]},
        PLAN | {"steps": [GATHER | {"axes": [{"sources": [[0, 2, 1]], "scales": [1.0]}]}]},
        PLAN | {"certificate": CERTIFICATE | {"is_exact": True}},
        PLAN | {"certificate": CERTIFICATE | {"is_exact_in_training": True, "training_reason": ""}},
        PLAN | {"certificate": CERTIFICATE | {"tensors": {"w": ["fresh"]}}},
        PLAN | {"certificate": CERTIFICATE | {"coverage": True}},
        PLAN | {"certificate": CERTIFICATE | {"tensors": {}}},
    ],
)
def test_what_is_no_plan_is_refused(broken: Any) -> None:
    with pytest.raises(CorruptData):
        plan_from_json(broken)


def test_the_example_of_a_plan_is_one() -> None:
    assert plan_from_json(json.loads(json.dumps(PLAN))).steps[0].how is How.FRESH
    assert plan_from_json(PLAN | {"steps": [GATHER]}).steps[0].num_from_parent == 2


def test_a_plan_of_a_newer_version_is_refused_as_such() -> None:
    with pytest.raises(UnsupportedFormat, match="format 4"):
        plan_from_json(PLAN | {"format": 4})


def test_matching_by_name_never_claims_to_be_exact() -> None:
    spec = TensorSpec((2, 3), "float32")
    certificate = plan_by_name({"w": spec}, {"w": spec}, reason="the parent has no graph").certificate
    assert not certificate.is_exact
    assert certificate.tensors["w"].verdict is Verdict.APPROXIMATE
    assert certificate.coverage == 1.0
    assert "by name only: the parent has no graph" in str(certificate)


def test_matching_by_name_says_why_a_tensor_does_not_match() -> None:
    parent = {"shape": TensorSpec((2,), "float32"), "type": TensorSpec((2,), "int64", is_parameter=False)}
    sizes = {"name": 2, "shape": 3, "type": 2}
    child = {name: TensorSpec((size,), "float32") for name, size in sizes.items()}
    plan = plan_by_name(parent, child, reason="no graph")
    assert [plan.certificate.tensors[name].reason for name in child] == [
        "the parent has no tensor of this name",
        "its shape is (3,), in the parent (2,)",
        "it is float32, in the parent int64",
    ]
    assert plan.certificate.coverage == 0.0


def test_a_plan_for_nothing_covers_nothing() -> None:
    assert plan_by_name({}, {}, reason="no graph").certificate.coverage == 0.0
