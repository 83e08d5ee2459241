"""From a space to Optuna's distributions and back."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.space.spaces import spaces

from heredity.space import Space
from heredity.strategies.optuna_sampler.library import OptunaStudy


@settings(max_examples=30)
@given(spaces(), st.integers(0, 2**31))
def test_every_point_can_be_told_to_optuna_and_comes_back(space: Space, seed: int) -> None:
    point = space.sample(random.Random(seed))
    _, known = OptunaStudy("random", seed=0, num_objectives=1).add(space, point)
    assert space.faults(known) == space.faults(point) == []
    assert space.distance(known, point) < 1e-6
