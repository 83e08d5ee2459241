"""Rules about a point: when a dimension is active, and which points are allowed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.space.dimensions.interfaces import Parameters, is_number, is_same
from heredity.space.expressions import Expression


class Rule(Protocol):
    """Something that holds at a point or does not; `When`, `Expression`, `Check`, and `All` of several."""

    @property
    def text(self) -> str:
        """The rule as a user reads it."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the space that it reads."""
        ...

    def verdict(self, point: Parameters) -> bool | None:
        """Say whether it holds; None if it reads a name that is not active there."""
        ...

    def to_json(self) -> Json:
        """Give what `heredity.space.parse_space` makes this rule of.

        Raises:
            ConfigError: The rule is a Python function.
        """
        ...


@dataclass(frozen=True, slots=True, init=False)
class When:
    """A name has one of some values, or lies within bounds.

    Example:
        >>> print(When("layers", at_least=2).text)
        layers >= 2
        >>> When("kind", "conv", "pool").verdict({"kind": "mlp"})
        False

    Attributes:
        name: The name of a dimension.
        values: It holds if the dimension has one of these; empty if bounds decide.
        at_least: The lowest value with which it holds; None for none.
        at_most: The highest value with which it holds; None for none.
    """

    name: str
    values: tuple[Json, ...]
    at_least: float | None = None
    at_most: float | None = None

    def __init__(
        self, name: str, *values: Json, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        if bool(values) == (at_least is not None or at_most is not None):
            raise ConfigError(f"When({name!r}): expected either values or bounds.")
        fields = {"name": name, "values": values, "at_least": at_least, "at_most": at_most}
        for attribute, value in fields.items():
            object.__setattr__(self, attribute, value)

    @property
    def text(self) -> str:
        """See `Rule.text`."""
        if self.values:
            one = repr(self.values[0])
            return f"{self.name} == {one}" if len(self.values) == 1 else f"{self.name} in {list(self.values)}"
        if self.at_least is not None and self.at_most is not None:
            return f"{self.at_least} <= {self.name} <= {self.at_most}"
        return (
            f"{self.name} <= {self.at_most}" if self.at_least is None else f"{self.name} >= {self.at_least}"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """See `Rule.names`."""
        return (self.name,)

    def verdict(self, point: Parameters) -> bool | None:
        """See `Rule.verdict`.

        Raises:
            ConfigError: There are bounds, and the value is no number.
        """
        if self.name not in point:
            return None
        value = point[self.name]
        if self.values:
            return any(_matches(known, value) for known in self.values)
        if not is_number(value):
            raise ConfigError(f"{self.text}: expected a number, got {value!r}.")
        return (self.at_least is None or self.at_least <= value) and (
            self.at_most is None or value <= self.at_most
        )

    def to_json(self) -> Json:
        """See `Rule.to_json`."""
        bounds = {"at_least": self.at_least, "at_most": self.at_most}
        return {self.name: list(self.values) or {name: x for name, x in bounds.items() if x is not None}}


@dataclass(frozen=True, slots=True)
class All:
    """Several rules that hold together."""

    rules: tuple[Rule, ...]

    @property
    def text(self) -> str:
        """See `Rule.text`."""
        return " and ".join(f"({rule.text})" for rule in self.rules)

    @property
    def names(self) -> tuple[str, ...]:
        """See `Rule.names`."""
        return tuple(dict.fromkeys(name for rule in self.rules for name in rule.names))

    def verdict(self, point: Parameters) -> bool | None:
        """See `Rule.verdict`."""
        verdicts = [rule.verdict(point) for rule in self.rules]
        return False if False in verdicts else None if None in verdicts else True

    def to_json(self) -> Json:
        """See `Rule.to_json`."""
        return [rule.to_json() for rule in self.rules]


@dataclass(frozen=True, slots=True)
class Check:
    """A Python function of a point that says whether the point is allowed.

    Attributes:
        function: Takes the point; must depend on nothing else.
        text: What is said of a point that it rejects; without it, the function's name.
        names: If one of these is not active, the function is not asked.
    """

    function: Callable[[Parameters], bool]
    text: str = ""
    names: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        name = getattr(self.function, "__name__", type(self.function).__name__)
        object.__setattr__(self, "text", self.text or name)

    def verdict(self, point: Parameters) -> bool | None:
        """See `Rule.verdict`."""
        return bool(self.function(point)) if all(name in point for name in self.names) else None

    def to_json(self) -> Json:
        """Refuse, since a function has no JSON form.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            f"{self.text}: a Python function has no JSON form.",
            hint="Write the constraint as a text, such as 'width * depth <= 512'.",
        )


SomeRule = Rule | str | Callable[[Parameters], bool] | Sequence[Rule | str]


def as_rule(rule: SomeRule) -> Rule:
    """Make a rule of a text, a function or several rules.

    Raises:
        ConfigError: A text is no expression, or it is none of all these.
    """
    if isinstance(rule, When | Expression | Check | All):
        return rule
    if isinstance(rule, str):
        return Expression(rule)
    if isinstance(rule, Sequence):
        return All(tuple(as_rule(part) for part in rule))
    if callable(rule):
        return Check(rule)
    raise ConfigError(
        f"expected a rule, got {rule!r}.", hint="Write When(…), a text, or a function of a point."
    )


def _matches(known: Json, value: Json) -> bool:
    """As `is_same`, but for a number it does not matter how it is written."""
    return known == value if is_number(known) and is_number(value) else is_same(known, value)
