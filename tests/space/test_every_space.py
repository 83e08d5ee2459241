"""What holds for every space: what it gives is legal, differs, and comes back from all forms."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys

from hypothesis import HealthCheck, given, settings
from tests.space.spaces import RNGS, spaces

from heredity.encoding import decode, encode
from heredity.errors import ConfigError
from heredity.space import Space, parse_space

slowly = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slowly
@given(spaces(), RNGS)
def test_a_drawn_point_has_no_problems(space: Space, rng: random.Random) -> None:
    assert space.problems(space.sample(rng)) == []


@slowly
@given(spaces(), RNGS)
def test_a_mutant_is_a_legal_point_that_differs(space: Space, rng: random.Random) -> None:
    point = space.sample(rng)
    try:
        mutant = space.mutate(point, rng)
    except ConfigError:
        assert list(space.neighbours(point, rng)) == []
        return
    assert space.problems(mutant) == []
    assert space.fingerprint(mutant) != space.fingerprint(point)


@slowly
@given(spaces(), RNGS)
def test_neighbours_are_distinct_legal_points(space: Space, rng: random.Random) -> None:
    point = space.sample(rng)
    neighbours = list(itertools.islice(space.neighbours(point, rng), 30))
    assert all(space.problems(neighbour) == [] for neighbour in neighbours)
    assert len({space.fingerprint(each) for each in [point, *neighbours]}) == len(neighbours) + 1


@slowly
@given(spaces(), RNGS)
def test_a_mixture_is_a_legal_point(space: Space, rng: random.Random) -> None:
    assert space.problems(space.crossover(space.sample(rng), space.sample(rng), rng)) == []


@slowly
@given(spaces(), RNGS)
def test_the_distance_is_0_only_between_equal_points(space: Space, rng: random.Random) -> None:
    first, second = space.sample(rng), space.sample(rng)
    assert 0.0 <= space.distance(first, second) <= 1.0
    assert space.distance(first, first) == 0.0
    if space.fingerprint(first) != space.fingerprint(second):
        assert space.distance(first, second) > 0.0


@slowly
@given(spaces(), RNGS)
def test_the_json_form_leads_back_to_the_same_draws(space: Space, rng: random.Random) -> None:
    again = parse_space(decode(encode(space.to_json())))
    assert again == space
    assert hash(again) == hash(space)
    state = rng.getstate()
    drawn = space.sample(rng)
    rng.setstate(state)
    assert encode(again.sample(rng)) == encode(drawn)


@slowly
@given(spaces(), RNGS)
def test_units_lead_back_to_the_point(space: Space, rng: random.Random) -> None:
    point = space.sample(rng)
    again = space.from_units(space.to_units(point))
    assert list(again) == list(point)
    assert space.distance(point, again) < 1e-9


@slowly
@given(spaces(), RNGS)
def test_the_scalars_of_a_point_are_among_those_of_the_space(space: Space, rng: random.Random) -> None:
    known = space.scalars()
    for leaf in space.leaves(space.sample(rng)):
        assert known[leaf.path] == leaf.dimension
        assert leaf.dimension.problem(leaf.value) == ""


DRAWS = """
import random
from heredity.encoding import encode
from heredity.space import Choice, Float, Int, Nested, Normal, Repeat, Space, When
space = Space(
    {"kind": Choice(["a", "b", "c"]), "blocks": Repeat({"width": Int(8, 64, log=True)}, 1, 4),
     "op": Nested({"conv": {"kernel": Choice([1, 3])}, "pool": {}}),
     "rate": Float(0, 1), "noise": Normal(0, 1)},
    conditions={"rate": When("kind", "a", "b")}, constraints=["len(blocks) < 4 or kind == 'a'"],
)
rng = random.Random(7)
point = space.sample(rng)
other = space.sample(rng)
moved = [space.mutate(point, rng), *space.neighbours(point, rng), space.crossover(point, other, rng)]
print(encode([point, other, *moved]).decode())
"""


def test_a_seed_gives_the_same_points_whatever_the_order_of_hashes() -> None:
    drawn = {
        subprocess.run(
            [sys.executable, "-c", DRAWS],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "12345")
    }
    assert len(drawn) == 1
