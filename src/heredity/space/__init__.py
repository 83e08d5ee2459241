"""What may be searched: dimensions, when they are active, which points are allowed; draw and mutate them."""

from heredity.space.dimensions import (
    Choice,
    Compound,
    Dimension,
    Float,
    Int,
    Leaf,
    Normal,
    Parameters,
    Rounded,
    Scalar,
    Value,
)
from heredity.space.expressions import Expression
from heredity.space.faults import Fault
from heredity.space.nested import Group, Nested
from heredity.space.nni_format import parse_nni_space, read_nni_space
from heredity.space.parsing import parse_space, read_space
from heredity.space.repeat import Repeat
from heredity.space.rules import All, Check, Rule, When
from heredity.space.space import Space, as_space

__all__ = [
    "All", "Check", "Choice", "Compound", "Dimension", "Expression", "Fault", "Float", "Group", "Int", "Leaf",
    "Nested", "Normal", "Parameters", "Repeat", "Rounded", "Rule", "Scalar", "Space", "Value", "When",
    "as_space", "parse_nni_space", "parse_space", "read_nni_space", "read_space",
]  # fmt: skip
