"""What a callback gives to searches inside of trainers: Lightning, Keras, Transformers, and LoRA by peft.

A search is eight trials of random sizes, each of them trained for as long by the tool's own trainer. Both
arms have the same sizes and seeds; an heir's line has trained longer than its trial, so the third arm trains
the first network on for as long as the whole search. Seconds are of the CPU, with all that the callback
does. In the environment of `make test-integrations`:

    python benchmarks/integrations_trainers.py --report benchmarks/results/DATE-integrations-trainers.md
"""

from __future__ import annotations

import argparse
import os
import random
import time
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import torch
from integrations_page import ONE, WITH, WITHOUT, Search, Searches, page, table

import heredity as hd

NUM_TRIALS = 8

Trial = Callable[..., list[float]]
"""Trains one network: (size, parts=, seed=, store=, number=) to the accuracy after each part."""

ABOUT = [
    f"{NUM_TRIALS} trials of random sizes, each trained by the tool's trainer for one part: *without* and",
    "*with* the callback and the store's best relative as the parent. *one network* is the first trial's",
    f"network, trained on for all {NUM_TRIALS} parts. Accuracy is on examples that nobody trains on. Seconds",
    "are of the CPU, with all that inheriting costs.",
]


def measured(trial: Trial, sizes: list[int], *, seed: int, arm: str, name: str) -> Search:
    """One search, or one network trained on."""
    store = hd.open_store(f"memory://{name}-{seed}") if arm == WITH else None
    begun = time.process_time()
    if arm == ONE:
        accuracies = trial(sizes[0], parts=NUM_TRIALS, seed=1000 * seed, store=None, number=0)
    else:
        accuracies = []
        for number, size in enumerate(sizes):
            accuracies += trial(size, parts=1, seed=1000 * seed + number, store=store, number=number)
    return Search(accuracies, time.process_time() - begun)


def searches(trial: Trial, name: str, *, sizes: list[int], num_seeds: int) -> Searches:
    """All arms with all seeds."""
    found: Searches = {WITHOUT: [], WITH: [], ONE: []}
    for seed in range(num_seeds):
        drawn = random.Random(seed).choices(sizes, k=NUM_TRIALS)
        for arm, results in found.items():
            results.append(measured(trial, drawn, seed=seed, arm=arm, name=name))
        print(
            name, *(f"{arm} {max(results[-1].accuracies):.3f}" for arm, results in found.items()), flush=True
        )
    return found


def main() -> None:
    """Run the tools that are asked for."""
    from integrations_trainers_tools import TOOLS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tools", nargs="*", default=list(TOOLS))
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of the libraries
    sections = {}
    for name in given.tools:
        tool = TOOLS[name]
        found = searches(tool.trial, name, sizes=list(tool.sizes), num_seeds=given.seeds)
        sections[name] = [tool.about, "", *table(found, targets=tool.targets, unit="trials")]
    text = page(
        "Trials to a target inside of trainers, with and without a callback",
        ABOUT,
        sections,
        command="python benchmarks/integrations_trainers.py",
    )
    print(text)
    if given.report:
        given.report.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
