"""Syne Tune: a population whose losers go on as their winners, in other sizes. STORE is the only argument."""

import argparse
import sys
from itertools import count
from pathlib import Path

import torch
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend import LocalBackend
from syne_tune.config_space import randint
from syne_tune.optimizer.schedulers.pbt import PopulationBasedTraining
from torch import nn

import heredity as hd
from heredity.integrations.syne_tune import trial_of

if len(sys.argv) == 2:  # the search
    space = {"width": randint(8, 16), "store": str(Path(sys.argv[1]).absolute())}
    search = PopulationBasedTraining(space, "loss", "step", max_t=5, perturbation_interval=1)
    stop = StoppingCriterion(max_num_trials_started=5)
    Tuner(LocalBackend(__file__, rotate_gpus=False), search, stop, n_workers=2, sleep_time=0.1).run()
else:  # a trial, which Syne Tune has started
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int)
    for name in ("--store", "--st_checkpoint_dir"):
        parser.add_argument(name)
    arguments = parser.parse_args()
    trial = trial_of(vars(arguments), store=hd.open_store(arguments.store))  # the first of our lines
    x, y = torch.eye(8), torch.arange(8)
    model = nn.Sequential(nn.Linear(8, arguments.width), nn.ReLU(), nn.Linear(arguments.width, 8))
    for step in count(trial.begin(model, example_inputs=x)):  # the second one; Syne Tune ends it
        loss = nn.functional.cross_entropy(model(x), y)
        torch.autograd.backward(loss)
        torch.optim.SGD(model.parameters(), lr=0.1).step()
        shown = {"loss": loss.item(), "step": step + 1}
        trial.report(shown, module=model, step=step + 1, score=-loss.item(), example_inputs=x)
