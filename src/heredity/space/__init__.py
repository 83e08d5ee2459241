"""What may be searched: choices, integers and floats; check a point, draw a point."""

from heredity.space.dimensions import Choice, Dimension, Float, Int
from heredity.space.space import Parameters, Space, Value

__all__ = ["Choice", "Dimension", "Float", "Int", "Parameters", "Space", "Value"]
