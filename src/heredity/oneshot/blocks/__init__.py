"""The blocks of a model space: what stands where something is to be chosen."""

from heredity.oneshot.blocks.cell import Cell, Edge, PlainCell
from heredity.oneshot.blocks.choice import Choice, ChosenInputs, InputChoice
from heredity.oneshot.blocks.repeat import Repeat

__all__ = ["Cell", "Choice", "ChosenInputs", "Edge", "InputChoice", "PlainCell", "Repeat"]
