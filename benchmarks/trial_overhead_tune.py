"""Ray Tune beside us: a function a trial, actors reused or not. Runs in an environment of its own.

Usage: ``trial_overhead_tune.py NUM_TRIALS FOLDER fresh|reused``
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from trial_overhead_marks import value

# What its users turn off who want it fast: result files, which are loggers', and a second progress reporter.
os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
os.environ["RAY_AIR_NEW_OUTPUT"] = "0"


def train(config: dict[str, float]) -> None:
    from ray import tune

    tune.report({"score": value(config["x"])})


def run(num_trials: int, folder: Path, *, reuse_actors: bool) -> None:
    import ray
    from ray import tune

    concurrency = int(os.environ["TRIAL_OVERHEAD_CONCURRENCY"])
    ray.init("local", num_cpus=concurrency, include_dashboard=False, log_to_driver=False)
    results = tune.Tuner(
        tune.with_resources(train, {"cpu": 1}),
        param_space={"x": tune.uniform(0, 1)},
        tune_config=tune.TuneConfig(
            num_samples=num_trials, max_concurrent_trials=concurrency, reuse_actors=reuse_actors
        ),
        run_config=tune.RunConfig(name="overhead", storage_path=str(folder), verbose=0),
    ).fit()
    assert len(results) == num_trials
    assert results.num_errors == 0
    ray.shutdown()


if __name__ == "__main__":
    run(int(sys.argv[1]), Path(sys.argv[2]), reuse_actors=sys.argv[3] == "reused")
