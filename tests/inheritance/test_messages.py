"""What inheriting refuses says what was expected, what came and what to do; and what it left out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import nn

import heredity as hd
from heredity.errors import (
    CheckpointNotFound,
    HeredityError,
    InputError,
    TransferRefused,
    UntraceableModule,
)
from heredity.inheritance import fit_to_parent
from heredity.inheritance.planning import plan_between
from heredity.store import Store

X = torch.ones(4, 3)


def network(width: int = 6) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))


@pytest.fixture
def store() -> Store:
    """A store with a father of width 8, once with his graph and once without."""
    store = hd.open_store(f"memory://{uuid.uuid4().hex}")
    hd.save(store, network(8), key="father", score=0.5, example_inputs=X)
    hd.save(store, network(8), key="bare")
    return store


def message_of(call: Callable[[], object]) -> tuple[type[HeredityError], str]:
    with pytest.raises(HeredityError) as caught:
        call()
    return caught.type, str(caught.value)


def never(module: nn.Module, budget: object) -> float:
    raise AssertionError("the settings are looked at first")


SETTINGS: Mapping[str, Callable[[], Any]] = {
    "growth: expected 'fresh' or 'copy', got 'large'.": lambda: hd.Growth("large"),  # type: ignore[arg-type]  # on purpose
    "growth: expected noise of at least 0, got -1.": lambda: hd.Growth("copy", noise=-1),
    "Candidates: expected a store, got str.": lambda: hd.Candidates("weights"),  # type: ignore[arg-type]  # on purpose
    "shrink_and_perturb: expected keep from 0 to 1, got 2.": lambda: hd.ShrinkAndPerturb(2),
    "shrink_and_perturb: expected noise of at least 0, got -1.": lambda: hd.ShrinkAndPerturb(0.5, -1),
    "race: expected a function (module, budget) -> score, got None. From a text, give it beside: "
    "parse_policy('race(3)', train=train).": lambda: hd.Race(None, 3),  # type: ignore[arg-type]  # on purpose
    "race: expected order 'highest' or 'lowest', got 'best'.": lambda: hd.Race(
        never,
        3,
        order="best",  # type: ignore[arg-type]  # on purpose
    ),
    "race: expected start 'best_effort', 'exact' or a ShrinkAndPerturb, got 'late'.": lambda: hd.Race(
        never,
        3,
        start="late",
    ),
}


@pytest.mark.parametrize("message", SETTINGS)
def test_a_setting_that_cannot_be_is_refused(message: str) -> None:
    assert message_of(SETTINGS[message]) == (InputError, message)


def test_a_share_of_candidates_lies_between_none_and_all(store: Store) -> None:
    assert message_of(lambda: hd.Candidates(store, min_coverage=2)) == (
        InputError,
        "Candidates: expected min_coverage from 0 to 1, got 2.",
    )


Call = Callable[[Store, nn.Module], object]


def with_probe(probe: object) -> Call:
    return lambda store, child: hd.inherit(child, store, probe=probe)  # type: ignore[call-overload]  # on purpose


def with_race(score: object) -> Call:
    race = hd.Race(lambda *_: score, 3)  # type: ignore[arg-type]  # on purpose
    return lambda store, child: hd.inherit(child, store["father"], policy=race)


REFUSED: Mapping[str, tuple[type[HeredityError], Call]] = {
    "expected a checkpoint or a store, got str 'father'. Take it from its store: store[key].": (
        InputError,
        lambda _, child: hd.inherit(child, "father"),  # type: ignore[call-overload]  # on purpose
    ),
    "expected a checkpoint, got str 'father'. Take it from its store: store[key].": (
        InputError,
        lambda _, child: hd.load(child, "father"),  # type: ignore[arg-type]  # on purpose
    ),
    "probe: expected a function of the module, or (inputs, targets, loss), got 5.": (
        InputError,
        with_probe(5),
    ),
    "probe: expected a number, got str 'good'.": (InputError, with_probe(lambda _: "good")),
    "race: expected `train` to return a number, got str 'good'.": (InputError, with_race("good")),
    "race: neither score is finite: inf and inf. Both have diverged: lower the learning rate in `train`.": (
        TransferRefused,
        with_race(float("inf")),
    ),
    "inherit: a race takes no optimizer, since both runners need one of their own. Make it in the race's "
    "`train`.": (
        InputError,
        lambda store, child: hd.inherit(
            child,
            store["father"],
            policy=hd.Race(never, 3),
            optimizer=torch.optim.Adam(child.parameters()),
        ),
    ),
    "bare was saved without its optimizer's state. Save with `optimizer=`, or load without it.": (
        InputError,
        lambda store, _: hd.load(
            (child := network(8)), store["bare"], optimizer=torch.optim.Adam(child.parameters())
        ),
    ),
    "bare was saved without its graph. Save it with example_inputs, as in hd.save(store, module, key=…, "
    "example_inputs=x).": (
        UntraceableModule,
        lambda store, _: plan_between(store["father"], store["bare"]),
    ),
    "bare was saved without its graph, so it cannot be run. Give `example_inputs` when it is saved.": (
        UntraceableModule,
        lambda store, child: fit_to_parent(hd.inherit(child, store["bare"]), X),
    ),
    "metadata: the entry 'inheritance' is for what `inherited` says. Rename yours.": (
        InputError,
        lambda store, child: hd.save(
            store,
            child,
            key="child",
            metadata={"inheritance": 1},
            inherited=hd.inherit(child, store["father"]),
        ),
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_done_is_refused_with_a_way_out(store: Store, message: str) -> None:
    kind, call = REFUSED[message]
    assert message_of(lambda: call(store, network())) == (kind, message)


def test_a_module_without_shapes_has_to_be_run_once(store: Store) -> None:
    _, message = message_of(lambda: hd.inherit(nn.LazyLinear(2), store["father"]))
    assert message.startswith(
        "LazyLinear: weight has no shape yet: run the module once. Call it on the plain"
    )


def test_a_child_that_would_not_be_exact_shows_its_plan(store: Store) -> None:
    _, message = message_of(lambda: hd.inherit(network(4), store["father"], policy="exact"))
    head, *table, hint = message.splitlines()
    assert head == (
        "father: the child would not be exact: output 0: 4 of 8 entries of the parent's axis are left out "
        "(at linear.1)"
    )
    assert table[0].split() == ["tensor", "verdict", "from", "how", "reason"]
    assert hint == "Use policy='best_effort' to take over what can be taken."


def test_a_store_without_candidates_says_how_to_begin() -> None:
    empty = hd.open_store("memory://no-candidates")
    assert message_of(lambda: hd.inherit(network(), empty)) == (
        CheckpointNotFound,
        (
            "memory://no-candidates holds no checkpoint to inherit from. For the first of all, pass "
            "missing_ok=True: then nothing is inherited."
        ),
    )


def test_candidates_that_cannot_be_parents_are_named_with_the_reason(store: Store) -> None:
    candidates = hd.Candidates(store, prefix="fath", min_coverage=1)
    _, message = message_of(lambda: hd.inherit(network(16), candidates, example_inputs=X))
    assert message.splitlines() == [
        f"{store.url}: of 1 checkpoints none can be a parent:",
        "father: 51.0% would come over, less than 100.0%.",
        "Pass missing_ok=True to go on with nothing inherited.",
    ]


def test_a_race_says_who_was_kept_and_how(store: Store) -> None:
    def race(*scores: float, rewind: bool) -> str:
        found = iter(scores)
        policy = hd.Race(lambda *_: next(found), 3, rewind=rewind)
        return str(hd.inherit(network(8), store["father"], policy=policy).race)

    assert race(2, 1, rewind=False) == (
        "race over 3: the heir 2, the fresh twin 1; kept: the heir, as the race has trained it"
    )
    assert race(1, 2, rewind=True) == (
        "race over 3: the heir 1, the fresh twin 2; kept: the fresh twin, as it began"
    )


def test_what_came_after_the_transfer_is_on_the_certificate(store: Store) -> None:
    trained = hd.inherit(network(8), store["father"], policy=hd.Race(lambda *_: 1.0, 3))
    assert trained.certificate.reason == "the race has trained it since"
    assert trained.not_measured == "no example inputs were given"
    shrunk = hd.inherit(network(8), store["father"], policy=hd.ShrinkAndPerturb(0.75))
    assert shrunk.certificate.tensors["0.weight"].reason == (
        "0.75 of it is kept, with 0.25 of the initial values"
    )


def test_statistics_stay_when_weights_are_perturbed() -> None:
    store = hd.open_store("memory://statistics")
    hd.save(store, nn.BatchNorm1d(3), key="father", example_inputs=X)
    found = hd.inherit(nn.BatchNorm1d(3), store["father"], policy=hd.ShrinkAndPerturb(0.5))
    assert found.certificate.tensors["running_mean"].reason == (
        "it belongs to the weights before they were perturbed"
    )


def test_tensors_that_are_unchanged_are_one_row(store: Store) -> None:
    rows = str(hd.inherit(network(8), store["father"], example_inputs=X)).splitlines()
    assert any(
        row.split() == ["4", "tensors,", "unchanged", "exact", "the", "same", "names", "copy"] for row in rows
    )
    assert any("the same names" in row for row in rows)


def test_a_candidate_says_how_exact_it_would_be(store: Store) -> None:
    deeper = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    found = hd.inherit(deeper, hd.Candidates(store, prefix="fath"), example_inputs=X)
    assert found.considered[0].verdict == "exact in eval mode"
