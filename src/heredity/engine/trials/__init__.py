"""One attempt at one trial: what it is told, what it may do, and the worker that runs it."""

from heredity.engine.trials.orders import TrialOrder
from heredity.engine.trials.trial import Emit, Trial
from heredity.engine.trials.values import plain_parameters

__all__ = ["Emit", "Trial", "TrialOrder", "plain_parameters"]
