"""Which running trials are not worth going on with: stoppers, which answer reports."""

from heredity.strategies.stopping.combined import AnyOf
from heredity.strategies.stopping.halving import HalvingStopper
from heredity.strategies.stopping.patience import PatienceStopper
from heredity.strategies.stopping.percentile import MedianStopper, PercentileStopper
from heredity.strategies.stopping.threshold import ThresholdStopper

__all__ = [
    "AnyOf", "HalvingStopper", "MedianStopper", "PatienceStopper", "PercentileStopper", "ThresholdStopper",
]  # fmt: skip
