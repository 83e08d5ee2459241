"""The search over a model finds what is promising, and where it came from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tests.strategies.morphism.networks import BLOCKS, BOTH_WAYS, GROWING, network, size

from heredity.encoding import encode
from heredity.errors import ConfigError
from heredity.space import Int, Space
from heredity.strategies.morphism import Edits, Exploration
from heredity.strategies.morphism.tree_search import Found, most_promising

FULL: dict[str, Any] = {"blocks": [{"width": 32, "kernel": 5, "skip": True}] * 5, "activation": "relu"}


def sizes(points: Sequence[dict[str, Any]]) -> np.ndarray:
    return np.array([-abs(size(point) - 200.0) for point in points])


def found(*tried: dict[str, Any], seed: int = 0, edits: Edits = BOTH_WAYS) -> Found | None:
    return most_promising(
        BLOCKS,
        tried,
        promise=sizes,
        edits=edits,
        exploration=Exploration(),
        known=frozenset(encode(point) for point in tried),
        rng=random.Random(seed),
    )


@pytest.mark.parametrize("seed", range(5))
def test_it_finds_what_the_model_promises(seed: int) -> None:
    best = found(network(8), seed=seed)
    assert best is not None
    assert best.promise > -10.0
    assert best.promise == sizes([best.edited.point])[0]


def test_it_begins_from_the_tried_network_that_is_nearest_to_it() -> None:
    best = found(network(4), network(30, 32, 32, kernel=3), network(8))
    assert best is not None
    assert best.origin == 1


def test_it_tells_how_one_gets_there() -> None:
    best = found(network(8), edits=Edits(growing=("blocks",)))
    assert best is not None
    assert best.edited.point == network(8, 8, 8, 8, 8)
    assert len(best.edited.told) == 4
    assert all(told.startswith("blocks: a copy of block") for told in best.edited.told)


def test_what_is_known_is_not_found_again() -> None:
    space = Space({"width": Int(1, 3)})
    best = most_promising(
        space,
        [{"width": 1}],
        promise=lambda points: np.array([float(point["width"]) for point in points]),  # type: ignore[arg-type]  # an integer
        edits=Edits(growing=("width",)),
        exploration=Exploration(),
        known=frozenset({encode({"width": 1}), encode({"width": 3})}),
        rng=random.Random(0),
    )
    assert best is not None
    assert best.edited.point == {"width": 2}


def test_networks_that_can_grow_no_more_do_not_end_the_search() -> None:
    others = [{**FULL, "activation": "gelu"}, FULL]
    best = found(network(8), *others, edits=GROWING)
    assert best is not None
    assert best.origin == 0


def test_where_nothing_can_be_edited_nothing_is_found() -> None:
    assert found(FULL, edits=GROWING) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_founders": 0}, "num_founders: expected an integer of at least 1, got 0"),
        ({"optimism": -1.0}, "optimism: expected 0 or more, got -1.0"),
        ({"lowest_temperature": 0.0}, "lowest_temperature: expected above 0 and at most 1, got 0.0"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Exploration(**settings)
