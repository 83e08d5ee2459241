"""Ray Tune: a population whose losers go on as their winners, in other sizes. Arguments: STORE, RUNS."""

import sys
from typing import Any

import torch
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining
from torch import nn

import heredity as hd
from heredity.integrations.ray_tune import TuneTrial, trainable


def train(config: dict[str, Any], trial: TuneTrial) -> None:
    x, y = torch.eye(8), torch.arange(8)
    model = nn.Sequential(nn.Linear(8, config["width"]), nn.ReLU(), nn.Linear(config["width"], 8))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(trial.begin(model, optimizer=optimizer, example_inputs=x), 3):
        optimizer.zero_grad()
        torch.autograd.backward(loss := nn.functional.cross_entropy(model(x), y))
        optimizer.step()
        saved: Any = {"module": model, "optimizer": optimizer, "example_inputs": x, "score": -loss.item()}
        trial.report({"loss": loss.item()}, step=step + 1, **saved)


sizes = [8, 12, 16]
search = PopulationBasedTraining(
    time_attr="training_iteration", perturbation_interval=1, synch=True, hyperparam_mutations={"width": sizes}
)
trials = tune.Tuner(
    trainable(train, store=hd.open_store(sys.argv[1])),
    param_space={"width": tune.choice(sizes)},
    tune_config=tune.TuneConfig(metric="loss", mode="min", scheduler=search, num_samples=2),
    run_config=tune.RunConfig(storage_path=sys.argv[2], verbose=0),
).fit()
print(trials.get_dataframe()[["config/width", "loss", "heredity/verdict", "heredity/coverage"]])
