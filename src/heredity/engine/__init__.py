"""Does what the experiment decides: the only place where things run."""

from heredity.engine.executors import Resources
from heredity.engine.experiment import Budget, Experiment
from heredity.engine.programs import Program, current_trial
from heredity.engine.trials.trial import Trial

__all__ = ["Budget", "Experiment", "Program", "Resources", "Trial", "current_trial"]
