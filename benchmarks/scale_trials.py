"""The trial function of the measurement of requests: a father and his children, who inherit and save."""

from __future__ import annotations

import torch
from torch import nn

import heredity as hd


def train(trial: hd.Trial) -> float:
    torch.manual_seed(trial.seed % 1000)
    width = int(trial.parameters["width"])
    head = nn.Linear(width, 2)
    network = nn.Sequential(nn.Linear(8, width), nn.ReLU(), head)
    if trial.parents:
        trial.inherit(network, example_inputs=torch.ones(1, 8))
    with torch.no_grad():
        head.bias.add_(1.0)
    trial.report(0.5, step=1)
    trial.save(network, example_inputs=torch.ones(1, 8))
    return 0.5
