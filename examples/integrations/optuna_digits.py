"""Optuna: each trial goes on from the best relative among those before it. STORE is the only argument."""

import sys

import optuna
import torch
from sklearn.datasets import load_digits
from torch import nn

import heredity as hd
from heredity.integrations import GuestTrial
from heredity.integrations.optuna import objective

x, y = (torch.tensor(each) for each in load_digits(return_X_y=True))
x = x.float() / 16


def train(trial: optuna.Trial, guest: GuestTrial) -> float:
    width = trial.suggest_int("width", 16, 64)
    model = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
    guest.inherit(model, example_inputs=x[:2])  # the first of two lines
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(10):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(model(x[:900]), y[:900]))
        optimizer.step()
    accuracy = float((model(x[900:]).argmax(1) == y[900:]).float().mean())
    guest.save(model, score=accuracy, steps=10, example_inputs=x[:2])  # the second one
    return accuracy


store = hd.open_store(sys.argv[1])
study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
study.optimize(objective(train, store=store, parent=store), n_trials=4)
print(*(f"{trial.value:.3f} from {trial.user_attrs['parent']}" for trial in study.trials), sep="\n")
