"""Does what the experiment decides: the only place where things run."""

from heredity.engine.experiment import JOURNAL_NAME, Budget, Experiment
from heredity.engine.trial import Trial

__all__ = ["JOURNAL_NAME", "Budget", "Experiment", "Trial"]
