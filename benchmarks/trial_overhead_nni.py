"""NNI 3.0 beside us: its local training service, a program a trial. Runs in an environment of its own.

Called with a number of trials and a folder it runs an experiment; called without, it is the trial.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from trial_overhead_marks import value

_POLL_SECONDS = 0.05


def run(num_trials: int, folder: Path) -> None:
    from nni.experiment import Experiment, launcher

    # How often it asks, a second apart, whether its manager has begun: 3 times, unless more is wanted here.
    launcher._check_rest_server.__defaults__ = (60, None)  # noqa: SLF001  # there is no setting
    experiment = Experiment("local")
    experiment.config.experiment_working_directory = folder
    experiment.config.search_space = {"x": {"_type": "uniform", "_value": [0, 1]}}
    experiment.config.trial_command = f"{sys.executable} {Path(__file__).name}"
    experiment.config.trial_code_directory = Path(__file__).parent
    experiment.config.trial_concurrency = int(os.environ["TRIAL_OVERHEAD_CONCURRENCY"])
    experiment.config.max_trial_number = num_trials
    experiment.config.trial_gpu_number = 0
    experiment.config.tuner.name = "Random"
    experiment.config.log_level = "warning"
    experiment.start(port=int(os.environ["TRIAL_OVERHEAD_PORT"]))
    try:
        while experiment.get_status() not in {"DONE", "ERROR"}:
            time.sleep(_POLL_SECONDS)
        jobs = experiment.list_trial_jobs()
        assert [job.status for job in jobs] == ["SUCCEEDED"] * num_trials, jobs
    finally:
        experiment.stop()


def trial() -> None:
    import nni

    nni.report_final_result(value(nni.get_next_parameter()["x"]))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(int(sys.argv[1]), Path(sys.argv[2]))
    else:
        trial()
