"""The names of NNI that trial programs and tuners use, spoken to Heredity.

It is on the path of an experiment's trials and of the process that holds its tuner, and nowhere else. A trial
may run in another Python than the driver, so no part of Heredity is imported here.
"""

import importlib
from typing import Any

from . import utils
from .recoverable import Recoverable
from .trial import (
    get_current_parameter,
    get_experiment_id,
    get_next_parameter,
    get_sequence_id,
    get_trial_id,
    report_final_result,
    report_intermediate_result,
)
from .utils import ClassArgsValidator

__all__ = [
    "ClassArgsValidator",
    "NoMoreTrialError",
    "Recoverable",
    "get_current_parameter",
    "get_experiment_id",
    "get_next_parameter",
    "get_sequence_id",
    "get_trial_id",
    "report_final_result",
    "report_intermediate_result",
    "utils",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # a module
    # On first use: it needs numpy, which a trial may not have.
    if name == "parameter_expressions":
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class NoMoreTrialError(Exception):
    """A tuner raises it where it has nothing to propose, now or at all."""

    def __init__(self, ErrorInfo: str = "no more trial") -> None:  # noqa: N803  # NNI's own name
        super().__init__(ErrorInfo)
        self.errorinfo = ErrorInfo
