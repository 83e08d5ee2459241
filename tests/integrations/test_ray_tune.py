"""Ray's populations inherit across layer sizes, where Ray's own fail; what is restored is not overwritten."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import heredity as hd

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the libraries that it loads
    import ray
    from ray import cloudpickle, tune
    from ray.tune.schedulers import PopulationBasedTraining

    from heredity.integrations.ray_tune import BestRef, TuneTrial, checkpoint_of, trainable

pytestmark = [
    pytest.mark.integrations,
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore"),  # Ray's own, of which there are many
]

INPUTS = torch.ones(2, 3)
NUM_STEPS = 3


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    by_value: Any = cloudpickle.register_pickle_by_value  # has no annotations
    by_value(sys.modules[__name__])  # workers do not find the tests
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def build(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 2))


def train_step(module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(nn.functional.cross_entropy(module(INPUTS), torch.tensor([0, 1])))
    optimizer.step()


def output_of(module: nn.Module) -> float:
    return float(module(INPUTS).detach().double().square().sum())


def width_of(checkpoint: hd.Checkpoint) -> int:
    return checkpoint.manifest.tensors["0.weight"].shape[0]


def restored(checkpoint: hd.Checkpoint) -> nn.Module:
    module = build(width_of(checkpoint))
    hd.load(module, checkpoint)
    return module


def member(config: dict[str, Any], trial: TuneTrial) -> None:
    """Shows what its network computes when it begins and when it reports."""
    torch.manual_seed(config["seed"])
    module = build(config["width"])
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    step = trial.begin(module, optimizer=optimizer, example_inputs=INPUTS)
    first = output_of(module)
    while step < NUM_STEPS:
        step += 1
        train_step(module, optimizer)
        shown = {"accuracy": config["goodness"], "first": first, "last": output_of(module)}
        trial.report(shown, module=module, step=step, score=step, optimizer=optimizer, example_inputs=INPUTS)
        if step == config.get("fails_at") and not Path(config["flag"]).exists():
            Path(config["flag"]).touch()
            raise RuntimeError("no luck")


def member_of_rays_own(config: dict[str, Any]) -> None:
    """As Ray's documentation has it."""
    module, step = build(config["width"]), 0
    given = tune.get_checkpoint()
    if given:
        with given.as_directory() as folder:
            state = torch.load(Path(folder) / "state.pt")
        module.load_state_dict(state["module"])
        step = state["step"]
    while step < NUM_STEPS:
        step += 1
        folder = Path(config["folder"]) / f"{tune.get_context().get_trial_id()}-{step}"
        folder.mkdir(parents=True)
        torch.save({"module": module.state_dict(), "step": step}, folder / "state.pt")
        tune.report({"accuracy": config["goodness"]}, checkpoint=tune.Checkpoint.from_directory(folder))


def goodness(spec: Any) -> int:
    return 2 - int(spec.config.seed)


def rows_of(result: Any) -> Any:
    return result.metrics_dataframe.to_dict("records")


def population(function: Any, tmp_path: Path, *, callbacks: Any = (), **config: Any) -> Any:
    """Two members; the second one is worse, and goes on as the first one with two units more."""
    scheduler = PopulationBasedTraining(
        time_attr="training_iteration",
        metric="accuracy",
        mode="max",
        perturbation_interval=1,
        quantile_fraction=0.5,
        synch=True,
        custom_explore_fn=lambda config: {**config, "width": config["width"] + 2},
    )
    return tune.Tuner(
        function,
        param_space={"width": 4, "seed": tune.grid_search([1, 2]), **config}
        | {"goodness": tune.sample_from(goodness)},
        tune_config=tune.TuneConfig(scheduler=scheduler, time_budget_s=600),
        run_config=tune.RunConfig(
            name="population",
            storage_path=str(tmp_path / "ray"),
            verbose=0,
            callbacks=list(callbacks),
            failure_config=tune.FailureConfig(fail_fast=True),  # else the others wait for the failed one
        ),
    ).fit()


def test_rays_own_population_cannot_change_a_layers_size(tmp_path: Path) -> None:
    results = population(member_of_rays_own, tmp_path, folder=str(tmp_path / "own"))
    assert any("size mismatch for 0.weight" in str(error) for error in results.errors)


def test_a_population_goes_on_across_layer_sizes_with_the_winners_weights(
    store: hd.Store, tmp_path: Path
) -> None:
    best = BestRef(store, "best", metric="accuracy", mode="max")
    results = population(trainable(member, store=store), tmp_path, callbacks=[best])
    assert not results.errors
    assert {result.metrics["training_iteration"] for result in results} == {NUM_STEPS}
    table = [row for result in results for row in rows_of(result)]
    heirs = [row for row in table if isinstance(row.get("heredity/parent"), str)]
    assert not all(row["heredity/resumed"] for row in heirs)
    for row in heirs:
        assert row["heredity/verdict"] == "exact"
        assert 0 < row["heredity/coverage"] < 1
        assert row["heredity/cumulative_steps"] == row["training_iteration"]
        if not row["heredity/resumed"]:  # what Ray has paused goes on from its own weights
            parent = store[row["heredity/parent"]]
            assert parent.metadata["trial"] != row["trial_id"]
            assert row["config/width"] == width_of(parent) + 2
            assert row["first"] == pytest.approx(output_of(restored(parent)), rel=1e-5)
    assert store.refs["best"].key in {checkpoint.key for checkpoint in store.checkpoints()}
    assert checkpoint_of(results[0].checkpoint, store=store).metadata["tool"] == "ray"


def test_a_trial_that_is_restored_goes_on_from_its_own_weights(store: hd.Store, tmp_path: Path) -> None:
    """It has a parent, from which it inherited when it began, and not again."""
    hd.save(store, build(4), key="father", example_inputs=INPUTS, metadata={"steps": 10})
    config = {"width": 4, "seed": 1, "goodness": 1, "fails_at": 2, "flag": str(tmp_path / "failed")}
    results = tune.Tuner(
        trainable(member, store=store, parent="father"),
        param_space=config,
        run_config=tune.RunConfig(
            storage_path=str(tmp_path / "ray"), verbose=0, failure_config=tune.FailureConfig(max_failures=1)
        ),
    ).fit()
    assert not results.errors
    rows = rows_of(results[0])
    assert [row["heredity/resumed"] for row in rows] == [False, False, True]
    assert rows[2]["first"] == pytest.approx(rows[1]["last"], rel=1e-5)
    assert {row["heredity/parent"] for row in rows} == {"father"}
    assert rows[2]["heredity/cumulative_steps"] == 13
