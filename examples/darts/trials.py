"""The trials of the example: one searches, the others train one architecture each."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import torch
from images import load_images
from supernet import Supernet
from torch import nn

import heredity as hd
from heredity.oneshot import Architecture, freeze, space_of
from heredity.oneshot.differentiable import (
    ArchitectureTraining,
    DifferentiableSearch,
    SearchRun,
    SearchSettings,
    ShuffledBatches,
)
from heredity.oneshot.differentiable.pictures import cell_dot, weights_over_time
from heredity.transfer.shrinking import recalibrate

BATCH = 64


def train(trial: hd.Trial) -> float:
    """The trial that searches, or one that trains a network without choices."""
    return search(trial) if trial.parameters["role"] == "search" else train_plain(trial)


def search(trial: hd.Trial) -> float:
    """First order, with a warm-up of the weights and at most two skips a cell."""
    images = load_images(trial.parameters["images"])
    weights, architecture = (
        ShuffledBatches(*part, batch_size=BATCH, seed=seed)
        for seed, part in enumerate((images.train, images.search))
    )
    epochs = trial.parameters["search_epochs"]
    settings = SearchSettings(
        num_epochs=epochs,
        steps_per_epoch=weights.steps_per_epoch,
        # The published rate, 3e-4, is for 50 epochs of 390 steps: here nothing would move.
        architecture=ArchitectureTraining(rate=6e-3, warm_up_epochs=epochs // 3),
    )
    searching = DifferentiableSearch(
        Supernet(trial.parameters["channels"]),
        settings=settings,
        criterion=nn.functional.cross_entropy,
        seed=trial.seed,
    )
    measured = ShuffledBatches(
        images.validation[0][:1000], images.validation[1][:1000], batch_size=250, seed=0
    )
    run = SearchRun(
        search=searching,
        train=weights,
        validation=architecture,
        score=lambda: searching.accuracy(measured),
        example_inputs=(images.validation[0][:16],),
        max_skips=2,
    )
    outcome = run.in_trial(trial)
    weights_over_time(searching, path=trial.directory / "weights.svg")
    for cell in ("normal", "reduce"):
        (trial.directory / f"{cell}.dot").write_text(cell_dot(outcome.architecture, cell))
    return searching.accuracy(measured)


def train_plain(trial: hd.Trial) -> float:
    """Train one architecture; an heir begins with what the search has trained of it."""
    images, role = load_images(trial.parameters["images"]), trial.parameters["role"]
    supernet = Supernet(trial.parameters["channels"])
    network = freeze(supernet, architecture_for(trial, supernet))
    x, y = images.everything_to_train
    metrics: dict[str, float] = {"parameters": sum(weight.numel() for weight in network.parameters())}
    if role == "heir":
        trial.inherit(network, example_inputs=(images.validation[0][:16],))
        metrics["as_inherited"] = accuracy(network, images.validation)
        # The statistics are those of the mixture, in which every candidate had its share.
        recalibrate(network, torch.split(x[: 8 * BATCH], BATCH))
    trial.report(accuracy(network, images.validation), step=0, metrics=metrics)
    batches = ShuffledBatches(x, y, batch_size=BATCH, seed=trial.seed)
    num_steps = trial.parameters["epochs"] * batches.steps_per_epoch
    for step in steps(network, batches, num_steps=num_steps):
        if step < num_steps and step % batches.steps_per_epoch == 0:
            trial.report(accuracy(network, images.validation), step=step)
    score = accuracy(network, images.validation)
    # Test images are read once, when all is over, and choose nothing.
    last = {"test": accuracy(network, images.test), "test_images": len(images.test[1])}
    trial.report(score, step=num_steps, metrics=last)
    trial.save(network, example_inputs=(images.validation[0][:16],))
    return score


def architecture_for(trial: hd.Trial, supernet: nn.Module) -> Architecture:
    """What the search has derived; or, without a search, anything of the space."""
    if trial.parent is None:
        return space_of(supernet).sample(random.Random(trial.seed))
    architecture = trial.parent.metadata["architecture"]
    assert isinstance(architecture, Mapping)
    return architecture


def steps(network: nn.Module, batches: ShuffledBatches, *, num_steps: int) -> Iterator[int]:
    """SGD with a rate that falls by a cosine; yields how many steps were made."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=3e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)
    for step in range(num_steps):
        x, y = batches(step)
        network.train()
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()  # type: ignore[no-untyped-call]  # torch's
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        yield step + 1


@torch.no_grad()
def accuracy(network: nn.Module, part: tuple[torch.Tensor, torch.Tensor]) -> float:
    network.eval()
    predicted = torch.cat([network(x).argmax(dim=1) for x in torch.split(part[0], 500)])
    return float((predicted == part[1]).float().mean())
