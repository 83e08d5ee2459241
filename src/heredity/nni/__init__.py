"""NNI at the border: its config files, its Tuner classes, and an `nni` module for its trial programs."""

from heredity.nni.experiment import load_nni_experiment, load_nni_snapshot
from heredity.nni.fields import is_nni_file

__all__ = ["is_nni_file", "load_nni_experiment", "load_nni_snapshot"]
