"""One dimension of a space: which values a hyperparameter may take, and how one is drawn."""

from heredity.space.dimensions.choices import Choice
from heredity.space.dimensions.interfaces import Compound, Dimension, Leaf, Parameters, Scalar, Value
from heredity.space.dimensions.normal import Normal, Rounded
from heredity.space.dimensions.ranges import Float, Int

__all__ = [
    "Choice", "Compound", "Dimension", "Float", "Int", "Leaf", "Normal", "Parameters", "Rounded", "Scalar",
    "Value",
]  # fmt: skip
