"""One-shot search: one supernet holds all architectures of a space, and derived ones inherit from it."""

import heredity.needs_torch  # noqa: F401  # it says what to install
from heredity.oneshot.blocks import Cell, Choice, Edge, InputChoice, PlainCell, Repeat
from heredity.oneshot.choosing import ChoicePoint, Choosing, Kind
from heredity.oneshot.elastic import (
    Elastic,
    ElasticBatchNorm1d,
    ElasticBatchNorm2d,
    ElasticConv1d,
    ElasticConv2d,
    ElasticLayerNorm,
    ElasticLinear,
    Parts,
    separate_parts,
)
from heredity.oneshot.freezing import freeze
from heredity.oneshot.selection import Selected, Selection, selecting
from heredity.oneshot.walking import (
    Architecture,
    architecture_of,
    choices,
    selection_of,
    space_of,
)

__all__ = [
    "Architecture", "Cell", "Choice", "ChoicePoint", "Choosing", "Edge", "Elastic", "ElasticBatchNorm1d",
    "ElasticBatchNorm2d", "ElasticConv1d", "ElasticConv2d", "ElasticLayerNorm", "ElasticLinear",
    "InputChoice", "Kind", "Parts", "PlainCell", "Repeat", "Selected", "Selection", "architecture_of",
    "choices", "freeze", "selecting", "selection_of", "separate_parts", "space_of",
]  # fmt: skip
