"""A trial of the demo: build, inherit, train a little, report several times per epoch, save."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from network import ResidualNetwork
from torch import Tensor, nn

import heredity as hd
from data import Images, load_images


def train(trial: hd.Trial) -> float:
    images = load_images(trial.parameters["images"], num_train=trial.parameters.get("num_train"))
    network = ResidualNetwork(trial.parameters["width"], trial.parameters["depth"], images.num_classes)
    trial.inherit(network, example_inputs=images.test_x[:64])  # a founder keeps its fresh weights
    score = accuracy(network, images)
    trial.report(score, step=0)
    for step in steps(trial, network, images):
        if step % trial.parameters["report_every"] == 0:
            score = accuracy(network, images)
            trial.report(score, step=step)
    trial.save(network, example_inputs=images.test_x[:64])  # with the plan of what it inherited
    return score


def steps(trial: hd.Trial, network: nn.Module, images: Images) -> Iterator[int]:
    """Train for so many epochs; yield the number of steps after each."""
    batch = trial.parameters["batch"]
    steps_per_epoch = len(images.train_x) // batch
    num_steps = trial.parameters["epochs"] * steps_per_epoch
    # An heir goes on from a good place: with the rate of a beginner it would lose it in the first steps.
    rate = trial.parameters["heir_rate" if trial.parents else "rate"]
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=rate,
        momentum=0.9,
        nesterov=True,
        weight_decay=trial.parameters["weight_decay"],
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)
    loss = nn.CrossEntropyLoss()
    step = 0
    for _ in range(trial.parameters["epochs"]):
        for rows in torch.randperm(len(images.train_x))[: steps_per_epoch * batch].view(-1, batch):
            network.train()
            optimizer.zero_grad()
            loss(network(images.train_x[rows]), images.train_y[rows]).backward()
            optimizer.step()
            schedule.step()
            step += 1
            yield step


@torch.no_grad()
def accuracy(network: nn.Module, images: Images) -> float:
    network.eval()
    parts = [network(images.test_x[i : i + 500]).argmax(1) for i in range(0, len(images.test_x), 500)]
    predicted: Tensor = torch.cat(parts)
    return float((predicted == images.test_y).float().mean())
