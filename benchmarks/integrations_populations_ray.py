"""Ray Tune's population-based training across layer sizes: with our adapter, with checkpoints of its own."""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from integrations_page import WITH, Search
from integrations_task import digits, network, train_and_test
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining

import heredity as hd
from heredity.integrations.ray_tune import TuneTrial, trainable

NUM_MEMBERS, NUM_INTERVALS, NUM_STEPS = 4, 4, 15
WIDTHS, RATES = [16, 24, 32, 48, 64], [0.001, 0.002, 0.005, 0.01]
COLUMNS = ("iteration", "trial", "width", "accuracy", "verdict", "parent", "coverage", "cumulative_steps")


def begun(config: dict[str, Any]) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    torch.set_num_threads(1)
    torch.manual_seed(config["seed"])
    model = network(config["width"])
    return model, torch.optim.Adam(model.parameters(), lr=config["rate"])


def member(config: dict[str, Any], trial: TuneTrial) -> None:
    """With our lines."""
    model, optimizer = begun(config)
    example = digits()[0][:2]
    for step in range(trial.begin(model, optimizer=optimizer, example_inputs=example), NUM_INTERVALS):
        accuracy = train_and_test(model, optimizer, steps=NUM_STEPS)
        saved: Any = {"module": model, "optimizer": optimizer, "example_inputs": example, "score": accuracy}
        trial.report({"accuracy": accuracy}, step=step + 1, **saved)


def member_without(config: dict[str, Any]) -> None:
    """With checkpoints as Ray's documentation has them; what does not fit fails, or begins anew."""
    model, optimizer = begun(config)
    step = 0
    given = tune.get_checkpoint()
    if given:
        with given.as_directory() as folder:
            state = torch.load(Path(folder) / "state.pt")
        step = state["step"]
        try:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        except RuntimeError:
            if not config["begins_anew"]:
                raise
            model, optimizer = begun(config)
        for group in optimizer.param_groups:
            group["lr"] = config["rate"]
    while step < NUM_INTERVALS:
        accuracy = train_and_test(model, optimizer, steps=NUM_STEPS)
        step += 1
        with tempfile.TemporaryDirectory() as folder:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            torch.save(state, Path(folder) / "state.pt")
            tune.report({"accuracy": accuracy}, checkpoint=tune.Checkpoint.from_directory(folder))


def population(function: Any, *, seed: int, folder: Path, **config: Any) -> Any:
    """One population, by Ray."""
    drawn = random.Random(seed)
    members = [
        {"width": drawn.choice(WIDTHS), "rate": drawn.choice(RATES), "seed": 100 * seed + number}
        for number in range(NUM_MEMBERS)
    ]

    def of_member(name: str) -> Any:
        def value(spec: Any) -> Any:
            return members[spec.config["member"]][name]

        return tune.sample_from(value)

    random.seed(seed)  # of Ray's exploring
    return tune.Tuner(
        function,
        param_space={
            "member": tune.grid_search(list(range(NUM_MEMBERS))),
            **{name: of_member(name) for name in ("width", "rate", "seed")},
            **config,
        },
        tune_config=tune.TuneConfig(
            metric="accuracy",
            mode="max",
            scheduler=PopulationBasedTraining(
                time_attr="training_iteration",
                perturbation_interval=1,
                quantile_fraction=0.25,
                synch=True,
                hyperparam_mutations={"width": WIDTHS, "rate": RATES},
            ),
        ),
        run_config=tune.RunConfig(
            storage_path=str(folder), verbose=0, failure_config=tune.FailureConfig(fail_fast=True)
        ),
    ).fit()


def rows_of(results: Any) -> list[dict[str, Any]]:
    """Ray's table, in the order of the intervals."""
    rows = [row for result in results for row in result.metrics_dataframe.to_dict("records")]
    return sorted(rows, key=lambda row: (row["training_iteration"], row["trial_id"]))


def search(arm: str, *, seed: int, folder: Path) -> tuple[Search, Any]:
    """One population of an arm."""
    started = time.perf_counter()
    if arm == WITH:
        function: Any = trainable(member, store=hd.open_store(folder / "store"))
        results = population(function, seed=seed, folder=folder / "ray")
    else:
        results = population(member_without, seed=seed, folder=folder / "ray", begins_anew=True)
    seconds = time.perf_counter() - started
    assert not results.errors, results.errors
    return Search([row["accuracy"] for row in rows_of(results)], seconds), results


def own_error(*, seed: int, folder: Path) -> tuple[str, int]:
    """What Ray's own population ends with, and how many intervals of its members it has done by then."""
    results = population(member_without, seed=seed, folder=folder / "own", begins_anew=False)
    said = [str(error) for error in results.errors]
    found = next((line for text in said for line in text.splitlines() if "size mismatch" in line), "no error")
    return found.strip(), sum(len(result.metrics_dataframe) for result in results)


def table(results: Any) -> list[str]:
    """Ray's own table of results, its columns of ours."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for row in rows_of(results):
        given = {**row, "iteration": row["training_iteration"], "trial": row["trial_id"][-5:]}
        given["width"] = row["config/width"]
        cells = [_shown(name, given.get(name, row.get(f"heredity/{name}"))) for name in COLUMNS]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _shown(name: str, value: Any) -> str:
    if name == "parent":
        return value.split("_")[-1] if isinstance(value, str) else ""  # without the number of Ray's run
    if isinstance(value, float) and name != "cumulative_steps":
        return f"{value:.3f}"
    return str(int(value)) if isinstance(value, float) else str(value)


def start() -> None:
    """A cluster on this machine, whose workers find these files."""
    import ray
    from ray import cloudpickle

    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    by_value: Any = cloudpickle.register_pickle_by_value  # has no annotations
    for name in (__name__, "integrations_task"):
        by_value(sys.modules[name])
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
