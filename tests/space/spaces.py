"""Random dimensions and spaces of all kinds, for tests of what holds for each."""

from __future__ import annotations

from hypothesis import strategies as st

from heredity.encoding import Json
from heredity.space import (
    Choice,
    Dimension,
    Float,
    Group,
    Int,
    Nested,
    Normal,
    Repeat,
    Rounded,
    Scalar,
    Space,
    When,
)

NAMES = ("a", "b", "c", "d")
JSON: st.SearchStrategy[Json] = st.sampled_from([None, True, False, -1, 0, 1, 2, 0.5, 1.0, "x", "y"])
PAIR: st.SearchStrategy[Json] = st.lists(JSON, max_size=2)
STEPS = st.sampled_from([0.1, 0.25, 0.3, 1.0, 7.5])
RNGS = st.randoms(use_true_random=False)


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    """Plain and nested values, in an order or not."""
    values: list[Json] = draw(st.lists(JSON | PAIR, min_size=1, max_size=4))
    distinct = Choice(values).grid(1)
    return draw(st.sampled_from([Choice(values), Choice(list(distinct), ordered=True)]))


@st.composite
def ints(draw: st.DrawFn) -> Int:
    """Even and logarithmic ones, with steps and without."""
    log = draw(st.booleans())
    low = draw(st.integers(1, 50) if log else st.integers(-50, 50))
    return Int(low, low + draw(st.integers(0, 1000)), log=log, step=draw(st.integers(1, 9)))


@st.composite
def floats(draw: st.DrawFn, *, steps: bool = True) -> Float:
    """Even and logarithmic ones, with steps and without."""
    log = draw(st.booleans())
    low = draw(st.sampled_from([0.001, 0.1, 1.0, 3.0] if log else [-2.5, 0, 0.1, 1e3]))
    high = low + draw(st.sampled_from([0, 0.05, 1, 2.3, 100]))
    return Float(low, high, log=log, step=draw(st.none() | STEPS) if steps else None)


@st.composite
def normals(draw: st.DrawFn) -> Normal:
    """Cut off or not, on a logarithmic scale or not."""
    mean, deviation = draw(st.sampled_from([-1.0, 0.0, 2.0])), draw(st.sampled_from([0.1, 1.0, 3.0]))
    if deviation < 1.0:  # a bound would be far out, and leave nothing
        return Normal(mean, deviation)
    low, high = draw(st.sampled_from([(None, None), (0.5, None), (None, 5.0), (0.1, 4.0)]))
    return Normal(mean, deviation, low, high, log=draw(st.booleans()))


def rounded() -> st.SearchStrategy[Rounded]:
    """Rounded numbers."""
    return st.builds(Rounded, floats(steps=False) | normals(), STEPS)


def scalars() -> st.SearchStrategy[Scalar]:
    """Scalar dimensions of all kinds."""
    return st.one_of(choices(), ints(), floats(), normals(), rounded())


def dimensions() -> st.SearchStrategy[Dimension]:
    """Dimensions of all kinds, compounds in compounds too."""
    inner = st.deferred(lambda: spaces(st.one_of(scalars(), repeats(scalars())), most=2))
    return st.one_of(
        scalars(), st.builds(Group, inner), repeats(scalars() | st.builds(Group, inner)), nested(inner)
    )


def repeats(blocks: st.SearchStrategy[Dimension]) -> st.SearchStrategy[Repeat]:
    """Lists of up to four blocks."""
    return st.builds(
        lambda block, low, more: Repeat(block, low, low + more), blocks, st.integers(0, 2), st.integers(0, 2)
    )


def nested(inner: st.SearchStrategy[Space]) -> st.SearchStrategy[Nested]:
    """One to three options."""
    return st.builds(Nested, st.dictionaries(st.sampled_from(["conv", "pool", "skip"]), inner, min_size=1))


@st.composite
def spaces(draw: st.DrawFn, kinds: st.SearchStrategy[Dimension] | None = None, *, most: int = 4) -> Space:
    """Spaces with conditions, and with constraints that allow about half of all points."""
    kinds = dimensions() if kinds is None else kinds
    found = {name: draw(kinds) for name in NAMES[: draw(st.integers(0, most))]}
    conditions, constraints = {}, []
    for index, name in enumerate(found):
        if index and draw(st.booleans()):
            read = draw(st.sampled_from(NAMES[:index]))
            values = list(found[read].grid(2))[:2]
            conditions[name] = When(read, *values)
        dimension = found[name]
        if isinstance(dimension, Int | Float) and draw(st.booleans()):
            constraints.append(f"{name} <= {dimension.from_unit(0.5)!r}")
    return Space(found, conditions, constraints)
