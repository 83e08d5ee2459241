"""Classes of NNI's: a Tuner as a strategy, called in turn or in threads; an Assessor as a stopper."""

from heredity.nni.tuner.assessor import AssessorStopper
from heredity.nni.tuner.called import CalledTuner
from heredity.nni.tuner.loading import load_assessor, load_tuner
from heredity.nni.tuner.strategy import Recorded, TunerRules, TunerStrategy

__all__ = [
    "AssessorStopper",
    "CalledTuner",
    "Recorded",
    "TunerRules",
    "TunerStrategy",
    "load_assessor",
    "load_tuner",
]
