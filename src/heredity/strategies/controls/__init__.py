"""Controls: what the same search gives without inheritance."""

from heredity.strategies.controls.twins import ScratchTwins
from heredity.strategies.controls.without import Fresh, WithoutChildren

__all__ = ["Fresh", "ScratchTwins", "WithoutChildren"]
