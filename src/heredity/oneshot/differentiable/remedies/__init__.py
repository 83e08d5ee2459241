"""What keeps a differentiable search from collapsing to skips; each is a choice of the user's."""

from heredity.oneshot.differentiable.remedies.curvature import CurvatureRule, dominant_eigenvalue
from heredity.oneshot.differentiable.remedies.edges import (
    AuxiliarySkip,
    PartialChannels,
    auxiliary_skips,
    channel_shuffle,
    wrap_edges,
)

__all__ = [
    "AuxiliarySkip",
    "CurvatureRule",
    "PartialChannels",
    "auxiliary_skips",
    "channel_shuffle",
    "dominant_eigenvalue",
    "wrap_edges",
]
