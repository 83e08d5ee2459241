"""The space that a supernet's choices make."""

from __future__ import annotations

import random

import pytest
import torch
from tests.oneshot.supernets import SUPERNETS, cell, choice, nested, repeat

from heredity.encoding import decode, encode
from heredity.errors import InputError
from heredity.oneshot import (
    Choice,
    Elastic,
    ElasticLinear,
    architecture_of,
    choices,
    selection_of,
    space_of,
)
from heredity.space import parse_space

kinds = pytest.mark.parametrize("kind", SUPERNETS)


@kinds
def test_a_space_goes_through_json(kind: str) -> None:
    space = space_of(SUPERNETS[kind]())
    assert parse_space(decode(encode(space.to_json()))) == space


@kinds
def test_an_architecture_goes_through_json_and_through_a_selection(kind: str) -> None:
    supernet = SUPERNETS[kind]()
    architecture = space_of(supernet).sample(random.Random(0))
    again = decode(encode(architecture))
    assert isinstance(again, dict)
    assert architecture_of(supernet, selection_of(supernet, again)) == architecture


@kinds
def test_mutants_are_architectures(kind: str) -> None:
    supernet, rng = SUPERNETS[kind](), random.Random(0)
    space = space_of(supernet)
    architecture = space.sample(rng)
    for _ in range(20):
        architecture = space.mutate(architecture, rng)
        assert space.problems(architecture) == []


def test_a_choice_inside_another_is_there_only_where_its_branch_runs() -> None:
    architectures = list(space_of(nested()).grid(9))
    # A row of 0, 1 or 2 choices; a cell; a choice that shares its label with the one after it.
    assert len(architectures) == (1 + 2 + 4) * 2 + (2**2 * 3 * 2**2) * 2 + 2


def test_a_label_that_is_used_twice_is_one_decision() -> None:
    supernet = torch.nn.Sequential(choice("same"), choice("same"))
    assert list(choices(supernet)) == ["same"]


def test_one_label_for_different_candidates_is_refused() -> None:
    supernet = torch.nn.Sequential(choice("op"), Choice([torch.nn.ReLU()], label="op"))
    with pytest.raises(InputError, match="op: two modules with this label differ"):
        choices(supernet)


def test_one_label_in_two_branches_is_active_in_both() -> None:
    supernet = Choice({"a": choice("in"), "b": choice("in"), "c": torch.nn.ReLU()}, label="out")
    assert space_of(supernet).size == 2 + 2 + 1


def test_depths_and_widths_are_ordered_and_operators_are_not() -> None:
    supernet = torch.nn.Sequential(repeat(), ElasticLinear(1, Elastic((1, 2), label="width")), choice())
    ordered = {name: getattr(each, "ordered", None) for name, each in space_of(supernet).dimensions.items()}
    assert ordered == {"depth": True, "width": True, "op": False}


def test_what_only_mixes_is_in_no_architecture() -> None:
    points = choices(cell())
    assert points["cell/0/0"].candidates == ("conv", "drop", "none")
    assert points["cell/0/0"].values == ("conv", "drop")
    with pytest.raises(InputError, match="expected one of 'conv', 'drop', got 'none'"):
        selection_of(cell(), {"cell/0/0": "none"})


def test_an_unknown_label_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="cel/0/0") as raised:
        selection_of(cell(), {"cel/0/0": "conv"})
    assert "'cell/0/0'" in str(raised.value)


def test_a_selection_of_what_only_mixes_is_no_architecture() -> None:
    with pytest.raises(InputError, match="cell/0/0: expected one of the positions"):
        architecture_of(cell(), dict.fromkeys(choices(cell()), 2))
