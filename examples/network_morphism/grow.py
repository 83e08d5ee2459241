"""Grow a small network on scikit-learn's digits: every child begins with its parent's accuracy.

python grow.py runs/grow
"""

from __future__ import annotations

import argparse
from functools import cache
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

import heredity as hd
from heredity.experiment import ExperimentState, TrialRecord
from heredity.space import Choice, Int, Repeat, Space
from heredity.strategies import Climb, Edits, NetworkMorphism

SPACE = Space(
    {
        "blocks": Repeat({"width": Int(4, 32), "kernel": Choice([1, 3, 5], ordered=True)}, 1, 4),
        "hidden": Int(8, 64),
    }
)
EDITS = Edits(growing=("blocks", "blocks.width", "blocks.kernel", "hidden"), strict=True)
SMALL: dict[str, Any] = {"blocks": [{"width": 4, "kernel": 3}], "hidden": 8}


class Network(nn.Module):
    """Convolutions, each with its normalization, the mean over the image, and two layers."""

    def __init__(self, blocks: list[dict[str, int]], hidden: int) -> None:
        super().__init__()
        widths = [1, *(block["width"] for block in blocks)]
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(
                        num_in, block["width"], block["kernel"], padding=block["kernel"] // 2, bias=False
                    ),
                    nn.BatchNorm2d(block["width"]),
                    nn.ReLU(),
                )
                for num_in, block in zip(widths, blocks, strict=False)
            )
        )
        self.classify = nn.Sequential(nn.Linear(4 * widths[-1], hidden), nn.ReLU(), nn.Linear(hidden, 10))

    def forward(self, images: Tensor) -> Tensor:
        features = functional.adaptive_avg_pool2d(self.blocks(images), 2).flatten(1)
        logits: Tensor = self.classify(features)
        return logits


@cache
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images and labels to train with, then to validate with."""
    data = load_digits()
    x = torch.from_numpy(data.images.astype(np.float32))[:, None] / 8.0 - 1.0
    y = torch.from_numpy(data.target.astype(np.int64))
    return x[:1200], y[:1200], x[1200:], y[1200:]


def accuracy(network: nn.Module) -> float:
    *_, x, y = digits()
    network.eval()
    with torch.no_grad():
        return float((network(x).argmax(dim=1) == y).float().mean())


def train(trial: hd.Trial) -> float:
    """Begin where the parent ended, and train up to `trial.max_steps` with a falling learning rate."""
    x, y, *_ = digits()
    network = Network(**trial.parameters)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    begun = trial.begin(
        network, optimizer=optimizer, example_inputs=(x[:8],), policy=trial.info.get("policy", "best_effort")
    )
    trial.report(accuracy(network), step=begun)
    network.train()
    end = trial.max_steps or 0
    for step in range(begun, end):
        for group in optimizer.param_groups:  # a cosine over this trial's own steps, as in the paper
            group["lr"] = 0.025 * (1 + np.cos(np.pi * (step - begun) / (end - begun)))
        rows = torch.randint(len(x), (64,))
        optimizer.zero_grad()
        loss: Any = functional.cross_entropy(network(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    score = accuracy(network)
    trial.report(score, step=end)
    trial.save(network, optimizer=optimizer, example_inputs=(x[:8],))
    return score


def grow(directory: str, *, climb: Climb, seed: int = 0) -> ExperimentState:
    """Run the search."""
    strategy = NetworkMorphism(SPACE, seed=seed, edits=EDITS, climb=climb, start=SMALL)
    return hd.Experiment(
        train=train,
        name="grow",
        strategy=strategy,
        seed=seed,
        budget=hd.Budget(concurrency=1),
        executor="inline",
        directory=directory,
    ).run()


def line(record: TrialRecord) -> str:
    """One trial: how it began, how it ended, what was edited."""
    began = record.reports[0].value if record.reports else float("nan")
    ended = float("nan") if record.score is None else record.score
    edits = "; ".join(map(str, record.info.get("edits", ())))  # type: ignore[arg-type]  # a list of texts
    verdict = (record.inheritance or {}).get("verdict", "")
    return f"{record.id} {record.info['role']!s:9} {began:.3f} -> {ended:.3f}  {verdict!s:5} {edits}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=60)
    given = parser.parse_args()
    climb = Climb(
        steps=given.steps, num_rounds=given.rounds, num_children=4, num_edits=2, final_steps=5 * given.steps
    )
    for record in grow(given.directory, climb=climb).trials.values():
        print(line(record))


if __name__ == "__main__":
    main()
