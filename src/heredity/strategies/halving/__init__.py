"""Many short trainings, and ever longer ones for the best: successive halving, Hyperband, ASHA."""

from heredity.strategies.halving.asynchronous import ASHA
from heredity.strategies.halving.configurations import Sampler
from heredity.strategies.halving.synchronous import Hyperband, SuccessiveHalving

__all__ = ["ASHA", "Hyperband", "Sampler", "SuccessiveHalving"]
