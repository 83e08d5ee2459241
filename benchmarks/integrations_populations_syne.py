"""Syne Tune's population-based training across layer sizes; called as a program, it is a trial."""

from __future__ import annotations

import argparse
import itertools
import os
import time
from pathlib import Path
from typing import Any

import torch
from integrations_task import digits, network, train_and_test
from syne_tune import Reporter

NUM_INTERVALS, NUM_TRIALS, NUM_STEPS = 5, 8, 15


def population(*, seed: int, folder: Path, store: str) -> tuple[list[float], float]:
    """The accuracy of each interval in the order in which they were reported, and the seconds."""
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend import LocalBackend
    from syne_tune.config_space import loguniform, randint
    from syne_tune.experiments import load_experiment
    from syne_tune.optimizer.schedulers.pbt import PopulationBasedTraining

    os.environ["SYNETUNE_FOLDER"] = str(folder)
    space = {"width": randint(16, 64), "rate": loguniform(0.001, 0.01), "store": store, "seed": seed}
    tuner = Tuner(
        LocalBackend(__file__, rotate_gpus=False),
        PopulationBasedTraining(
            space,
            "accuracy",
            "interval",
            max_t=NUM_INTERVALS,
            do_minimize=False,
            random_seed=seed,
            population_size=2,
            perturbation_interval=1,
            quantile_fraction=0.5,
        ),
        StoppingCriterion(max_num_trials_finished=NUM_TRIALS),
        n_workers=2,
        sleep_time=0.05,
        print_update_interval=3600,
        save_tuner=False,
    )
    begun = time.perf_counter()
    tuner.run()
    seconds = time.perf_counter() - begun
    results = load_experiment(tuner.name).results.sort_values("st_tuner_time")
    return [float(each) for each in results["accuracy"]], seconds


def trial(given: argparse.Namespace) -> None:
    """Trains until Syne Tune ends it."""
    torch.set_num_threads(1)
    folder = Path(given.st_checkpoint_dir)
    torch.manual_seed(1000 * given.seed + int(folder.parent.name))
    model = network(given.width)
    optimizer = torch.optim.Adam(model.parameters(), lr=given.rate)
    (with_ours if given.store != "none" else without)(given, model, optimizer)


def with_ours(given: argparse.Namespace, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """With our lines."""
    import heredity as hd
    from heredity.integrations.syne_tune import trial_of

    ours, example = trial_of(vars(given), store=hd.open_store(given.store)), digits()[0][:2]
    for step in itertools.count(ours.begin(model, optimizer=optimizer, example_inputs=example)):
        accuracy = train_and_test(model, optimizer, steps=NUM_STEPS)
        saved: Any = {"module": model, "optimizer": optimizer, "example_inputs": example, "score": accuracy}
        ours.report({"accuracy": accuracy, "interval": step + 1}, step=step + 1, **saved)


def without(given: argparse.Namespace, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """With checkpoints as Syne Tune's documentation has them; what does not fit begins anew."""
    report, file, step = Reporter(), Path(given.st_checkpoint_dir) / "state.pt", 0
    if file.exists():
        state = torch.load(file)
        step = state["step"]
        try:
            model.load_state_dict(state["model"])
        except RuntimeError:
            model = network(given.width)
            optimizer = torch.optim.Adam(model.parameters(), lr=given.rate)
        else:
            optimizer.load_state_dict(state["optimizer"])
            for group in optimizer.param_groups:
                group["lr"] = given.rate
    for interval in itertools.count(step + 1):
        accuracy = train_and_test(model, optimizer, steps=NUM_STEPS)
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.parent.parent / "state.pt"
        torch.save(
            {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": interval}, aside
        )
        aside.replace(file)
        report(accuracy=accuracy, interval=interval)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name, kind in (("width", int), ("rate", float), ("seed", int), ("store", str)):
        parser.add_argument(f"--{name}", type=kind)
    parser.add_argument("--st_checkpoint_dir")
    trial(parser.parse_args())
