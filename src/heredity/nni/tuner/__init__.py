"""A Tuner class of NNI's as a strategy: called in turn or in threads, and again on a resumption."""

from heredity.nni.tuner.called import CalledTuner
from heredity.nni.tuner.loading import load_tuner
from heredity.nni.tuner.strategy import Recorded, TunerRules, TunerStrategy

__all__ = ["CalledTuner", "Recorded", "TunerRules", "TunerStrategy", "load_tuner"]
