"""Trials of three stages: train a supernet, judge its architectures by its weights, train the best few.

heredity run examples/supernet/experiment.yml
"""

from __future__ import annotations

import math
import random

import torch
from elastic_network import accuracy, batch, build, digits
from torch import nn
from torch.nn import functional

import heredity as hd
from heredity.oneshot import Architecture, freeze, space_of
from heredity.oneshot.deriving import attach_part, inherit
from heredity.oneshot.sampled import Sandwich, SupernetTraining, score_of, soft_cross_entropy


def search(trial: hd.Trial) -> float:
    stages = {"supernet": train_supernet, "search": judge, "final": train_final}
    return stages[trial.info["stage"]](trial)


def train_supernet(trial: hd.Trial) -> float:
    supernet, num_steps = build(), trial.max_steps or 1
    probes = [space_of(supernet).sample(random.Random(seed)) for seed in range(4)]
    return SupernetTraining(
        supernet=supernet,
        optimizer=torch.optim.SGD(supernet.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4),
        sampler=Sandwich(supernet, seed=trial.seed, num_random=1),
        batch=batch,
        loss=functional.cross_entropy,
        distill=soft_cross_entropy,
        num_steps=num_steps,
        score=lambda net: sum(scored(net, probe) for probe in probes) / len(probes),
        report_every=max(1, num_steps // 4),
        schedule=lambda step: 0.5 * (1 + math.cos(math.pi * step / num_steps)),
    ).run(trial)


def judge(trial: hd.Trial) -> float:
    """Nothing is trained and nothing copied: the weights are the store's pages."""
    supernet, parent, (x, *_) = build(), trial.parent, digits()
    assert parent is not None
    part = attach_part(supernet, parent, architecture=trial.parameters, example_inputs=x[:64])
    trial.inherited(part)
    return scored(supernet, trial.parameters)


def scored(supernet: nn.Module, architecture: Architecture) -> float:
    batches = [batch(-1 - number)[0] for number in range(4)]
    return score_of(supernet, architecture, batches=batches, metric=accuracy)


def train_final(trial: hd.Trial) -> float:
    supernet, (x, *_) = build(), digits()
    network = freeze(supernet, trial.parameters)
    if trial.parent is not None:
        part = inherit(
            network,
            trial.parent,
            supernet=supernet,
            architecture=trial.parameters,
            example_inputs=x[:64],
        )
        trial.inherited(part)
    trial.report(accuracy(network), step=0)
    num_steps = trial.max_steps or 1
    optimizer = torch.optim.SGD(network.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)
    for step in range(num_steps):
        inputs, targets = batch(step)
        network.train()
        optimizer.zero_grad()
        torch.autograd.backward(functional.cross_entropy(network(inputs), targets))
        optimizer.step()
        schedule.step()
    score = accuracy(network)
    trial.report(score, step=num_steps)
    trial.save(network, example_inputs=x[:64])
    return score
