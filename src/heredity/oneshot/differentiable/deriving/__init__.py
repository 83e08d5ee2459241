"""Deriving: from what a search has weighed to one architecture."""

from heredity.oneshot.differentiable.deriving.cells import CellLabels, NodeLabels, cells_of, derived, kept_of
from heredity.oneshot.differentiable.deriving.perturbation import decision_order, most_missed
from heredity.oneshot.differentiable.deriving.rule import SKIPS, Edge, Kept, Node, strongest_inputs

__all__ = [
    "SKIPS",
    "CellLabels",
    "Edge",
    "Kept",
    "Node",
    "NodeLabels",
    "cells_of",
    "decision_order",
    "derived",
    "kept_of",
    "most_missed",
    "strongest_inputs",
]
