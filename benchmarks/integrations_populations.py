"""What populations that change their layers' sizes get from a store: Ray Tune's and Syne Tune's.

Their own checkpoints do not fit another size: Ray's own population ends with an error there, so the arm
without a store begins anew where weights do not fit. A population trains several networks, so the third arm
trains one, the first member's, for as many intervals. In the environment of `make test-integrations`:

    python benchmarks/integrations_populations.py --report benchmarks/results/DATE-integrations-populations.md
"""

from __future__ import annotations

import argparse
import logging
import random
import tempfile
import time
import warnings
from pathlib import Path

import integrations_populations_ray as on_ray
import integrations_populations_syne as on_syne
import torch
from integrations_page import ONE, WITH, WITHOUT, Search, Searches, page, table
from integrations_task import network, train_and_test

TARGETS = (0.80, 0.85, 0.90)

ABOUT = [
    "Digits, one hidden layer of 16 to 64 units, 15 full steps an interval. *with*: weights go through a",
    "store across sizes. *without*: checkpoints of the tool's own; what does not fit begins anew. *one",
    "network*: a first member's size and rate, trained on for as many intervals. Accuracy is on images that",
    "nobody trains on. Seconds are on the clock, with two trials at a time.",
]


def one_network(*, width: int, rate: float, seed: int, num_intervals: int) -> Search:
    """One network, trained on."""
    torch.manual_seed(seed)
    model = network(width)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    begun = time.perf_counter()
    accuracies = [train_and_test(model, optimizer, steps=on_ray.NUM_STEPS) for _ in range(num_intervals)]
    return Search(accuracies, time.perf_counter() - begun)


def control(seed: int, num_intervals: int) -> Search:
    """The first member of Ray's population of this seed."""
    drawn = random.Random(seed)
    width, rate = drawn.choice(on_ray.WIDTHS), drawn.choice(on_ray.RATES)
    return one_network(width=width, rate=rate, seed=100 * seed, num_intervals=num_intervals)


def of_ray(num_seeds: int, folder: Path) -> tuple[list[str], list[str]]:
    """The table of the arms; and what a reader of Ray's own table sees."""
    on_ray.start()
    found: Searches = {WITHOUT: [], WITH: [], ONE: []}
    shown: list[str] = []
    for seed in range(num_seeds):
        for arm in (WITHOUT, WITH):
            result, table_of_rays = on_ray.search(arm, seed=seed, folder=folder / f"ray-{seed}-{arm}")
            found[arm].append(result)
            if arm == WITH and not shown:
                shown = on_ray.table(table_of_rays)
        found[ONE].append(control(seed, on_ray.NUM_MEMBERS * on_ray.NUM_INTERVALS))
        print("ray", *(f"{arm} {max(each[-1].accuracies):.3f}" for arm, each in found.items()), flush=True)
    message, num_done = on_ray.own_error(seed=0, folder=folder)
    all_intervals = on_ray.NUM_MEMBERS * on_ray.NUM_INTERVALS
    lines = [
        f"{on_ray.NUM_MEMBERS} members, {on_ray.NUM_INTERVALS} intervals; the worst one goes on as the best.",
        "",
        *table(found, targets=TARGETS, unit="intervals"),
    ]
    told = [
        "With `load_state_dict`, as Ray's documentation has it, the same population has ended after",
        f"{num_done} of {all_intervals} intervals with:",
        "",
        "```text",
        message,
        "```",
        "",
        "With the adapter it goes to the end, and Ray's own table of results says of every exploit whose",
        "weights the loser got and whether it computes what the winner did. The first seed's, whole:",
        "",
        *shown,
    ]
    return lines, told


def of_syne(num_seeds: int, folder: Path) -> list[str]:
    """The table of the arms."""
    logging.getLogger().setLevel(logging.ERROR)
    found: Searches = {WITHOUT: [], WITH: [], ONE: []}
    for seed in range(num_seeds):
        for arm in (WITHOUT, WITH):
            place = folder / f"syne-{seed}-{arm}"
            store = str(place / "store") if arm == WITH else "none"
            found[arm].append(Search(*on_syne.population(seed=seed, folder=place, store=store)))
        found[ONE].append(control(seed, max(len(each[-1].accuracies) for each in found.values() if each)))
        print("syne", *(f"{arm} {max(each[-1].accuracies):.3f}" for arm, each in found.items()), flush=True)
    return [
        f"Two members at a time, {on_syne.NUM_INTERVALS} intervals each, until {on_syne.NUM_TRIALS} ended.",
        "",
        *table(found, targets=TARGETS, unit="intervals"),
    ]


def main() -> None:
    """Run the tools that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tools", nargs="*", default=["ray", "syne"])
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of the libraries
    sections = {}
    with tempfile.TemporaryDirectory() as folder:
        if "syne" in given.tools:
            sections["Syne Tune"] = of_syne(given.seeds, Path(folder))
        if "ray" in given.tools:
            sections["Ray Tune"], sections["An exploit across sizes, as Ray's table shows it"] = of_ray(
                given.seeds, Path(folder)
            )
    text = page(
        "Populations across layer sizes, with and without a store",
        ABOUT,
        sections,
        command="python benchmarks/integrations_populations.py",
    )
    print(text)
    if given.report:
        given.report.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
