"""One attempt at one trial: what it is told, what it may do, and the worker that runs it."""

from heredity.engine.trials.orders import TrialOrder
from heredity.engine.trials.reporting import Emit, Reporter
from heredity.engine.trials.trial import Trial
from heredity.engine.trials.values import plain_parameters

__all__ = ["Emit", "Reporter", "Trial", "TrialOrder", "plain_parameters"]
