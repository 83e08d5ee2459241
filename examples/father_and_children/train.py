"""A trial of the demo: build, inherit, train a little, report several times per epoch, save."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from network import ResidualNetwork
from torch import Tensor, nn

import heredity as hd
from data import Images, load_images


def train(trial: hd.Trial) -> float:
    images = load_images(trial.parameters["images"])
    network = ResidualNetwork(trial.parameters["width"], trial.parameters["depth"], images.num_classes)
    trial.inherit(network, example_inputs=images.test_x[:64])
    trial.report(accuracy(network, images), step=0)
    step = 0
    for step in steps(trial, network, images):
        if step % trial.parameters["report_every"] == 0:
            trial.report(accuracy(network, images), step=step)
    score = accuracy(network, images)
    trial.report(score, step=step)
    trial.save(network, example_inputs=images.test_x[:64])
    return score


def steps(trial: hd.Trial, network: nn.Module, images: Images) -> Iterator[int]:
    """Train for so many epochs; yield the number of steps after each."""
    num_epochs, batch = trial.parameters["epochs"], trial.parameters["batch"]
    num_steps = num_epochs * (len(images.train_x) // batch)
    optimizer = torch.optim.SGD(
        network.parameters(), lr=trial.parameters["rate"], momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)
    loss = nn.CrossEntropyLoss()
    step = 0
    for _ in range(num_epochs):
        for rows in torch.randperm(len(images.train_x))[: num_steps // num_epochs * batch].split(batch):
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
    predicted: Tensor = torch.cat([network(x).argmax(1) for x in images.test_x.split(500)])
    return float((predicted == images.test_y).float().mean())
