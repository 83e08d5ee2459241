"""A trial of another tool: whom it inherits from, what it says of it, and what it leaves in the store."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import CheckpointNotFound, CorruptData, InputError, TransferRefused
from heredity.integrations import Beginning, GuestTrial, Identity, Parent
from heredity.integrations.guests.beginning import steps_behind

Build = Callable[[int], nn.Module]


def guest(store: hd.Store, trial: str = "1", *, parent: Parent = None, **others: object) -> GuestTrial:
    identity = Identity("tool", "a search", trial, {"width": 4})
    return GuestTrial(store, identity, parent=parent, **others)  # type: ignore[arg-type]  # per test


def test_a_child_takes_over_its_parents_function(store: hd.Store, build: Build, inputs: torch.Tensor) -> None:
    father, child = build(4), build(6)
    guest(store).save(father, score=0.5, example_inputs=inputs)
    inheritance = guest(store, "2", parent="tool/a-search/1").inherit(child, example_inputs=inputs)
    assert inheritance is not None
    assert inheritance.is_exact
    torch.testing.assert_close(child(inputs), father(inputs))


def test_its_optimizer_goes_on_with_the_parents_state(
    store: hd.Store, build: Build, inputs: torch.Tensor
) -> None:
    father, child = build(4), build(6)
    his, its_own = (torch.optim.Adam(module.parameters()) for module in (father, child))
    father(inputs).sum().backward()
    his.step()
    guest(store).save(father, example_inputs=inputs, optimizer=his)
    parameters = [id(parameter) for parameter in child.parameters()]
    guest(store, "2", parent=store).inherit(child, example_inputs=inputs, optimizer=its_own)
    assert [id(parameter) for parameter in child.parameters()] == parameters
    assert its_own.state[child[0].weight]["step"] == 1  # type: ignore[index]  # a Sequential


@pytest.mark.parametrize("as_candidates", [False, True])
def test_the_first_trial_of_a_store_inherits_nothing_and_says_so(
    store: hd.Store, build: Build, as_candidates: bool
) -> None:
    trial = guest(store, parent=hd.Candidates(store) if as_candidates else store)
    assert trial.inherit(build(4)) is None
    assert trial.facts["verdict"] == "nothing"
    assert trial.facts["reason"] == f"no checkpoint in {store.url} fits"


def test_a_parent_that_was_named_must_be_there(store: hd.Store, build: Build) -> None:
    with pytest.raises(CheckpointNotFound, match="nobody"):
        guest(store, parent="nobody").inherit(build(4))


def test_whoever_is_no_parent_is_refused_at_once(store: hd.Store) -> None:
    with pytest.raises(InputError, match=r"tool: expected a parent, got int 7\. A store"):
        guest(store, parent=7)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(InputError, match="tool: expected a store, got str 'weights'"):
        guest("weights")  # type: ignore[arg-type]  # the point of the test


def test_less_than_the_least_coverage_is_refused(store: hd.Store, build: Build, inputs: torch.Tensor) -> None:
    guest(store).save(build(4), example_inputs=inputs)
    with pytest.raises(TransferRefused, match=r"tool/a-search/2: .*, less than min_coverage = 90\.0%"):
        guest(store, "2", parent=store, min_coverage=0.9).inherit(build(40), example_inputs=inputs)


def test_a_checkpoint_says_of_which_trial_it_is_and_how_much_training_lies_behind(
    store: hd.Store, build: Build, inputs: torch.Tensor
) -> None:
    guest(store).save(build(4), steps=10, example_inputs=inputs)
    child = guest(store, "2", parent=store)
    module = build(4)
    child.inherit(module, example_inputs=inputs)
    saved = child.save(module, score=0.5, steps=3, metadata={"note": "mine"})
    assert saved.parents == ("tool/a-search/1",)
    expected = {
        "tool": "tool",
        "experiment": "a search",
        "trial": "2",
        "steps": 3,
        "cumulative_steps": 13,
        "note": "mine",
    }
    assert {name: saved.metadata[name] for name in expected} == expected
    assert child.facts["cumulative_steps"] == 13


def test_a_key_that_is_taken_gets_a_number(store: hd.Store, build: Build) -> None:
    keys = [guest(store).save(build(4), tag="epoch 1").key for _ in range(2)]
    store.drop(keys[-1])
    keys.append(guest(store).save(build(4), tag="epoch 1").key)
    assert keys == [f"tool/a-search/1/epoch-1{suffix}" for suffix in ("", "@2", "@3")]


def test_a_trial_goes_on_from_its_own_checkpoint_and_does_not_inherit_any_more(
    store: hd.Store, build: Build
) -> None:
    guest(store, "parent").save(build(4), score=0.9)
    own = guest(store).save(trained := build(4), steps=5)
    again = guest(store, parent="tool/a-search/parent", own=own)
    module = build(4)
    assert again.begin(module) == 5
    assert again.inherit(module) is None
    torch.testing.assert_close(module.state_dict(), trained.state_dict())
    assert again.facts["resumed"]


def test_without_anything_of_its_own_a_trial_begins_with_its_parent(store: hd.Store, build: Build) -> None:
    guest(store).save(father := build(4))
    module = build(4)
    assert guest(store, "2", parent=store).begin(module) == 0
    torch.testing.assert_close(module.state_dict(), father.state_dict())


def test_a_resumed_trial_keeps_its_parent(store: hd.Store, build: Build) -> None:
    guest(store, "parent").save(build(4), steps=7)
    first = guest(store, parent=store)
    first.inherit(module := build(4))
    own = first.save(module, steps=5)
    again = guest(store, own=own)
    again.begin(module)
    saved = again.save(module, steps=6, tag="end")
    assert saved.parents == ("tool/a-search/parent",)
    assert saved.metadata["cumulative_steps"] == 13


def test_what_is_withdrawn_is_found_no_more(store: hd.Store, build: Build) -> None:
    trial = guest(store)
    trial.save(build(4), score=0.9)
    trial.withdraw("on second thoughts")
    assert store.best() == []
    assert trial.facts["checkpoint"] is None


def test_whoever_looks_on_is_told_of_each_change(store: hd.Store, build: Build) -> None:
    told: list[object] = []
    trial = guest(store, on_change=lambda facts: told.append((facts["verdict"], facts["checkpoint"])))
    trial.inherit(build(4))
    trial.save(build(4))
    assert told == [("nothing", None), ("nothing", "tool/a-search/1")]


def test_training_is_summed_over_the_longest_line_of_ancestors(store: hd.Store) -> None:
    store.put("a", {}, metadata={"steps": 10})
    store.put("b", {}, metadata={"steps": 1}, parents=["a"])
    store.put("c", {}, metadata={"steps": 5})
    last = store.put("d", {}, metadata={"steps": 2}, parents=["c", "b"])
    assert steps_behind(last, store) == 13


@pytest.mark.parametrize("metadata", [{}, {"steps": True}, {"steps": "many"}])
def test_where_an_ancestor_does_not_say_the_sum_is_not_known(
    store: hd.Store, metadata: dict[str, object]
) -> None:
    store.put("a", {}, metadata=metadata)  # type: ignore[arg-type]  # per test
    child = store.put("b", {}, metadata={"steps": 1}, parents=["a"])
    assert steps_behind(child, store) is None
    assert Beginning("exact", ancestor_steps=None).cumulative(3) is None


def test_a_beginning_survives_the_way_through_json() -> None:
    beginning = Beginning("exact", parent="a", coverage=0.5, ancestor_steps=None, first_step=2)
    assert Beginning.from_json(beginning.to_json()) == beginning
    with pytest.raises(CorruptData, match="beginning: expected an object with"):
        Beginning.from_json({"verdict": "exact"})


def test_hyperparameters_without_a_json_form_are_kept_as_text() -> None:
    identity = Identity("tool", "..", "1", {"rate": float("nan"), "sizes": (1, 2), "act": nn.ReLU})
    assert identity.metadata()["parameters"] == {
        "rate": "nan",
        "sizes": [1, 2],
        "act": "<class 'torch.nn.modules.activation.ReLU'>",
    }
    assert identity.prefix == "tool/_/1"
