"""A search space: named dimensions, when they are active, and which points are allowed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heredity.encoding import Json, encode
from heredity.errors import ConfigError
from heredity.space import checking, counting, moves
from heredity.space.dimensions import interfaces
from heredity.space.dimensions.interfaces import Choose, Compound, Dimension, Leaf, Parameters, Scalar
from heredity.space.rules import Rule, SomeRule

if TYPE_CHECKING:
    import random

MAX_DRAWS = 10_000
"""After so many draws that the constraints have all rejected, a space is taken for infeasible."""


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """Named dimensions, in the order in which they are drawn; a point is a mapping from names to values.

    A point holds the active names only. A dimension with a condition is active where the condition holds;
    one that hangs on an inactive dimension is inactive too. A constraint that reads an inactive name is
    fulfilled. The same seed gives the same points on every machine.

    Example:
        >>> from heredity.space import Float, Int, Space, When
        >>> space = Space({"width": Int(8, 64), "rate": Float(1e-4, 1e-1, log=True)})
        >>> space.problems({"width": 128, "rate": 0.01})
        ['width: expected an integer from 8 to 64, got 128']
        >>> deep = Space(
        ...     {"layers": Int(1, 2), "first": Int(8, 64), "second": Int(8, 64)},
        ...     conditions={"second": When("layers", at_least=2)},
        ...     constraints=["first * layers <= 64"],
        ... )
        >>> deep.problems({"layers": 1, "first": 8, "second": 8})
        ['second: inactive, since it needs layers >= 2']

    Attributes:
        dimensions: By name.
        conditions: When a dimension is active, by its name: a `When`, an expression as a text, or several,
            which must all hold. Conditions may hang on dimensions that have conditions, but not in a circle.
        constraints: What must hold at every point: expressions as texts, or functions of a point.
        active_if: The conditions, each as one rule.
        rules: The constraints, each as one rule.
        order: The names, each after those that its condition reads.
    """

    dimensions: Mapping[str, Dimension]
    conditions: Mapping[str, SomeRule] = field(default_factory=dict)
    constraints: Sequence[SomeRule] = ()
    active_if: dict[str, Rule] = field(init=False, repr=False)
    rules: tuple[Rule, ...] = field(init=False, repr=False)
    order: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name, dimension in self.dimensions.items():
            if not isinstance(dimension, Compound | Scalar):
                raise ConfigError(f"{name}: expected a dimension, such as Int(8, 64), got {dimension!r}.")
        constraints = [self.constraints] if isinstance(self.constraints, str) else self.constraints
        rules = (checking.checked_rule(rule, self.dimensions, what="a constraint") for rule in constraints)
        active_if = checking.checked_conditions(self.conditions, self.dimensions)
        object.__setattr__(self, "active_if", active_if)
        object.__setattr__(self, "rules", tuple(rules))
        object.__setattr__(self, "order", checking.order(self.dimensions, active_if))

    # --- what a point may be --------------------------------------------------------------------------------

    def problems(self, parameters: Parameters) -> list[str]:
        """Say what is wrong with a point: missing, unknown, inactive and illegal values, broken constraints.

        Returns:
            One line each; constraints are asked when all else is right.

        Raises:
            ConfigError: An expression has no value at this point, such as one that divides by zero.
        """
        return [f"{place}: {text}" if place else text for place, text in self.faults(parameters)]

    def faults(self, parameters: Parameters) -> list[tuple[str, str]]:
        """As `problems`, each in two parts: where, such as ``blocks[0].width``, and what.

        A constraint's place is empty.
        """
        return checking.faults(self, parameters)

    def active(self, parameters: Parameters) -> tuple[str, ...]:
        """Name the dimensions that are active at a point, in their order."""
        active: dict[str, Json] = {}
        for name in self.order:
            if name in parameters and self.is_active(name, active):
                active[name] = parameters[name]
        return tuple(name for name in self.dimensions if name in active)

    def is_active(self, name: str, parameters: Parameters) -> bool:
        """Whether a dimension's condition holds, given the active names that it reads."""
        rule = self.active_if.get(name)
        return rule is None or rule.verdict(parameters) is True

    def allows(self, parameters: Parameters) -> bool:
        """Whether all constraints hold at a point that is legal otherwise."""
        return all(rule.verdict(parameters) is not False for rule in self.rules)

    @property
    def size(self) -> int | None:
        """How many points there are before constraints; None if there are endlessly many.

        It is None too where conditions read more than 100,000 combinations of values: nobody counts those.
        """
        return counting.size(self)

    # --- drawing and moving ---------------------------------------------------------------------------------

    def sample(self, rng: random.Random) -> dict[str, Json]:
        """Draw a point.

        Raises:
            ConfigError: The constraints have rejected 10,000 draws; the message says which how many.
        """
        draws = (moves.drawn(self, rng) for _ in range(MAX_DRAWS))
        point, told = self._first_allowed(draws)
        if point is None:
            raise ConfigError(
                f"no point of the space was found: {told}.",
                hint="The constraints contradict each other or leave too little; narrow the dimensions.",
            )
        return point

    def mutate(self, parameters: Parameters, rng: random.Random, *, num: int = 1) -> dict[str, Json]:
        """Change some values of a point; what becomes active is drawn, what becomes inactive is left out.

        If the constraints reject all children that differ in ``num`` values, more values are changed.

        Args:
            parameters: A legal point.
            rng: Draws what changes and how.
            num: How many scalars change. A list of blocks counts as all its scalars.

        Returns:
            A legal point that differs.

        Raises:
            ConfigError: The point is illegal, or there is no other within reach.
        """
        self._check(parameters)
        mutant, told = self._first_allowed(moves.mutants(self, parameters, rng, num=num), parameters)
        if mutant is None:
            raise ConfigError(f"the point has no mutant: {told or 'the space has no other point'}.")
        return mutant

    def other(self, parameters: Parameters, rng: random.Random) -> dict[str, Json] | None:
        """As `mutate`; None where that raises an error, for lack of another point."""
        return self._first_allowed(moves.mutants(self, parameters, rng, num=1), parameters)[0]

    def neighbours(self, parameters: Parameters, rng: random.Random) -> Iterator[dict[str, Json]]:
        """Yield the legal points one step away, each once: all of them, where the dimensions are finite.

        Of a continuous dimension, four neighbours are drawn; what becomes active is drawn too.

        Raises:
            ConfigError: The point is illegal.
        """
        self._check(parameters)
        seen = {self.fingerprint(parameters)}
        for candidate in moves.neighbours(self, parameters, rng):
            if (fingerprint := self.fingerprint(candidate)) not in seen:
                seen.add(fingerprint)
                yield candidate

    def crossover(self, first: Parameters, second: Parameters, rng: random.Random) -> dict[str, Json]:
        """Mix two points: each value comes from one of them; what neither has is drawn.

        Returns:
            A legal point. It is one of the two if constraints reject all mixtures that are tried.

        Raises:
            ConfigError: A point is illegal.
        """
        self._check(first)
        self._check(second)
        mixed, _ = self._first_allowed(moves.mixtures(self, (first, second), rng))
        return dict(rng.choice((first, second))) if mixed is None else mixed

    def distance(self, first: Parameters, second: Parameters) -> float:
        """Say how far apart two legal points are, from 0 to 1: the mean over all names that either has.

        A name that only one has counts 1 (Gower 1971, with Jaccard's treatment of what is absent).
        """
        return moves.distance(self, first, second)

    def grid(self, num: int) -> Iterator[dict[str, Json]]:
        """Yield the legal points of a grid with at most ``num`` values for each dimension."""
        return (point for point in counting.grid(self, num) if self.allows(point))

    # --- other forms ----------------------------------------------------------------------------------------

    def canonical(self, parameters: Parameters) -> dict[str, Json]:
        """Write a legal point in the one way in which equal points are written."""
        return {
            name: self.dimensions[name].canonical(parameters[name])
            for name in self.dimensions
            if name in parameters
        }

    def fingerprint(self, parameters: Parameters) -> str:
        """Give 32 hexadecimal digits: the same for equal legal points, others for all others."""
        return hashlib.blake2b(encode(self.canonical(parameters)), digest_size=16).hexdigest()

    def compose(self, choose: Choose, *, prefix: str = "") -> dict[str, Json]:
        """Make a point out of scalars, each chosen when it is known to be active.

        So a sampler that knows single numbers only can work on any space. Conditions hold at the point;
        constraints may not: see `allows`.

        Example:
            >>> from heredity.space import Int, Repeat, Space
            >>> space = Space({"blocks": Repeat({"width": Int(8, 64)}, 1, 2)})
            >>> space.compose(lambda path, dimension: print(path) or dimension.from_unit(0.0))
            len(blocks)
            blocks[0].width
            {'blocks': [{'width': 8}]}
        """
        return moves.assembled(
            self, lambda name, dimension: interfaces.compose(dimension, f"{prefix}{name}", choose)
        )

    def leaves(self, parameters: Parameters, *, prefix: str = "") -> Iterator[Leaf]:
        """Yield the scalars of a legal point, as `compose` asks for them."""
        for name in self.order:
            if name in parameters:
                yield from interfaces.leaves(self.dimensions[name], f"{prefix}{name}", parameters[name])

    def scalars(self, *, prefix: str = "") -> dict[str, Scalar]:
        """Give every scalar that a point may have, by its path: the space without its structure."""
        dimensions = [(name, self.dimensions[name]) for name in self.order]
        return {
            path: each
            for name, one in dimensions
            for path, each in interfaces.scalars(one, f"{prefix}{name}")
        }

    def to_units(self, parameters: Parameters) -> dict[str, float]:
        """Map a legal point to numbers from 0 to 1, by the paths of its scalars."""
        return {leaf.path: leaf.dimension.to_unit(leaf.value) for leaf in self.leaves(parameters)}

    def from_units(self, units: Mapping[str, float]) -> dict[str, Json]:
        """Map numbers from 0 to 1 to a point, as `compose` does; what is not active is not read.

        Raises:
            ConfigError: A number is missing.
        """

        def choose(path: str, dimension: Scalar) -> Json:
            if path not in units:
                raise ConfigError(f"{path}: expected a number from 0 to 1, got none.")
            return dimension.from_unit(units[path])

        return self.compose(choose)

    def to_json(self) -> dict[str, Json]:
        """Give what `heredity.space.parse_space` makes an equal space of.

        Raises:
            ConfigError: A constraint is a Python function.
        """
        # Pairs, since an object of JSON may lose its order, and with it the points that a seed draws.
        entries: list[Json] = []
        for name, dimension in self.dimensions.items():
            when = {"when": self.active_if[name].to_json()} if name in self.active_if else {}
            entries.append([name, dimension.to_json() | when])
        return {"dimensions": entries, "constraints": [rule.to_json() for rule in self.rules]}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Space):
            return NotImplemented
        mine, others = list(self.dimensions.items()), list(other.dimensions.items())
        return mine == others and (self.active_if, self.rules) == (other.active_if, other.rules)

    def __hash__(self) -> int:
        return hash((tuple(self.dimensions), len(self.rules)))

    # --- inside ---------------------------------------------------------------------------------------------

    def _first_allowed(
        self, candidates: Iterable[dict[str, Json]], apart_from: Parameters | None = None
    ) -> tuple[dict[str, Json] | None, str]:
        """The first candidate that the constraints allow, or what is to be said of all."""
        rejected, num = Counter[str](), 0
        known = None if apart_from is None else self.fingerprint(apart_from)
        for candidate in candidates:
            if known is not None and self.fingerprint(candidate) == known:
                continue
            broken = [rule.text for rule in self.rules if rule.verdict(candidate) is False]
            if not broken:
                return candidate, ""
            rejected.update(broken)
            num += 1
        return None, "; ".join(
            f"{text!r} rejected {count} of {num} draws" for text, count in rejected.most_common()
        )

    def _check(self, parameters: Parameters) -> None:
        problems = self.problems(parameters)
        if problems:
            raise ConfigError(f"not a point of the space: {'; '.join(problems)}.")


def as_space(space: Space | Mapping[str, Dimension]) -> Space:
    """Take a space as it is, and make one of a plain mapping from names to dimensions.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(space, Space):
        return space
    if isinstance(space, Mapping):
        return Space(dict(space))
    raise ConfigError(f"expected a space, got {space!r}.", hint="Write Space({'width': Int(8, 64)}).")
