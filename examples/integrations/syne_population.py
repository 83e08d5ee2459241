"""Syne Tune: a population whose losers go on as their winners, in other sizes. STORE is the only argument."""

import argparse
import sys
from itertools import count

import torch
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend import LocalBackend
from syne_tune.config_space import randint
from syne_tune.optimizer.schedulers.pbt import PopulationBasedTraining
from torch import nn

import heredity as hd
from heredity.integrations.syne_tune import trial_of

if len(sys.argv) == 2:  # the search
    space = {"width": randint(8, 16), "store": sys.argv[1]}
    search = PopulationBasedTraining(space, "loss", "step", max_t=10**6, perturbation_interval=1)
    Tuner(LocalBackend(__file__), search, StoppingCriterion(max_num_trials_started=5), n_workers=2).run()
else:  # a trial, which Syne Tune has started
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int)
    parser.add_argument("--store")
    parser.add_argument("--st_checkpoint_dir")
    arguments = parser.parse_args()
    trial = trial_of(vars(arguments), store=hd.open_store(arguments.store))  # the first of our lines
    x, y = torch.eye(8), torch.arange(8)
    model = nn.Sequential(nn.Linear(8, arguments.width), nn.ReLU(), nn.Linear(arguments.width, 8))
    for step in count(trial.begin(model, example_inputs=x)):  # the second one; Syne Tune ends it
        torch.autograd.backward(loss := nn.functional.cross_entropy(model(x), y))
        torch.optim.SGD(model.parameters(), lr=0.1).step()
        shown = {"loss": loss.item(), "step": step + 1}
        trial.report(shown, module=model, step=step + 1, score=-loss.item(), example_inputs=x)
