"""Syne Tune beside us: its local backend, a program a trial. Runs in an environment of its own.

Called with a number of trials and a folder it runs a search; called with ``--x`` it is the trial.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from trial_overhead_marks import value

_SLEEP_SECONDS = 0.02
"""Between two looks at the trials; its own default is five seconds."""


def run(num_trials: int, folder: Path) -> None:
    os.environ["SYNETUNE_FOLDER"] = str(folder)
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend import LocalBackend
    from syne_tune.config_space import uniform
    from syne_tune.optimizer.baselines import RandomSearch

    tuner = Tuner(
        trial_backend=LocalBackend(entry_point=__file__, rotate_gpus=False),
        scheduler=RandomSearch({"x": uniform(0, 1)}, metrics=["score"], random_seed=0),
        stop_criterion=StoppingCriterion(max_num_trials_finished=num_trials),
        n_workers=int(os.environ["TRIAL_OVERHEAD_CONCURRENCY"]),
        sleep_time=_SLEEP_SECONDS,
        results_update_interval=3600,
        print_update_interval=3600,
        save_tuner=False,
    )
    tuner.run()
    assert tuner.tuning_status.num_trials_finished >= num_trials


def trial() -> None:
    from syne_tune import Reporter

    parser = argparse.ArgumentParser()
    parser.add_argument("--x", type=float, required=True)
    x = parser.parse_known_args()[0].x
    Reporter()(score=value(x))


if __name__ == "__main__":
    if sys.argv[1].startswith("--"):
        trial()
    else:
        run(int(sys.argv[1]), Path(sys.argv[2]))
