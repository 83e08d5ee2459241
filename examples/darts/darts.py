"""DARTS from end to end: search, derive, inherit, train on; beside the same from nothing, and beside chance.

python darts.py runs/darts
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from images import default_name

import heredity as hd
from heredity.encoding import Json
from heredity.engine.function import FunctionReference
from heredity.experiment import ExperimentState, TrialRecord
from heredity.ids import TrialId
from heredity.strategies import Given, GivenTrial

SEARCH = TrialId("search")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is done."""

    images: str
    channels: int
    wider: int
    search_epochs: int
    epochs: int
    num_random: int


def trials_of(sizes: Sizes) -> list[GivenTrial]:
    """One search; its architecture with and without its weights, at two widths; and random architectures."""

    def given(name: str, role: str, channels: int, *parents: TrialId) -> GivenTrial:
        parameters: dict[str, Json] = {
            "role": role,
            "images": sizes.images,
            "channels": channels,
            "search_epochs": sizes.search_epochs,
            "epochs": sizes.epochs,
        }
        return GivenTrial(TrialId(name), parameters, parents)

    return [
        given("search", "search", sizes.channels),
        *(given(f"random-{i + 1}", "random", sizes.channels) for i in range(sizes.num_random)),
        given("heir", "heir", sizes.channels, SEARCH),
        given("afresh", "afresh", sizes.channels, SEARCH),
        given("wider-heir", "heir", sizes.wider, SEARCH),
        given("wider-afresh", "afresh", sizes.wider, SEARCH),
    ]


def compare(directory: Path, sizes: Sizes, *, seed: int, concurrency: int) -> ExperimentState:
    """Run all trials."""
    return hd.Experiment(
        train=FunctionReference("trials", "train", folder=str(Path(__file__).parent)),
        name="darts",
        strategy=Given(trials_of(sizes)),
        seed=seed,
        budget=hd.Budget(concurrency=concurrency),
        directory=directory,
    ).run()


def cpu_seconds(record: TrialRecord) -> float:
    return float(str(record.resources["cpu_seconds"]))


def line(record: TrialRecord) -> str:
    """What a trial cost and reached; the test images have chosen nothing."""
    began = record.reports[0]
    inherited = began.metrics.get("as_inherited")
    verdict = (
        ""
        if record.inheritance is None
        else f"{record.inheritance['verdict']}, {record.inheritance['coverage']:.0%} of its weights"
    )
    if inherited is not None:
        verdict += f"; validation as inherited {inherited:.3f}, with new statistics {began.value:.3f}"
    test = record.reports[-1].metrics.get("test")
    told = "" if test is None else f"{test:7.4f}"
    return f"{record.id:13} {cpu_seconds(record):7.1f} {record.score:11.4f} {told:>7}  {verdict}"


def at_equal_cost(records: Sequence[TrialRecord], *, budget: float) -> list[TrialRecord]:
    """The random networks that the budget pays for, in their order; at least one."""
    paid: list[TrialRecord] = []
    for record in records:
        if paid and sum(map(cpu_seconds, [*paid, record])) > budget:
            break
        paid.append(record)
    return paid


def verdict(state: ExperimentState) -> str:
    """The searched network beside the best of the random ones, chosen by validation at equal cost."""
    by_id: dict[str, TrialRecord] = {str(trial): record for trial, record in state.trials.items()}
    budget = cpu_seconds(by_id["search"]) + cpu_seconds(by_id["heir"])
    paid = at_equal_cost([r for name, r in by_id.items() if name.startswith("random")], budget=budget)
    best = max(paid, key=lambda record: record.score or 0.0)
    difference = test_of(by_id["heir"]) - test_of(best)
    num_images = float(str(best.reports[-1].metrics["test_images"]))
    error = (2 * test_of(best) * (1 - test_of(best)) / num_images) ** 0.5
    return (
        f"Search and heir cost {budget:.0f} CPU seconds, which pay for {len(paid)} random networks. "
        f"The best of those by validation, {best.id}, reaches {test_of(best):.4f} on test images, the heir "
        f"{test_of(by_id['heir']):.4f}: {difference:+.4f}, with a standard error of about {error:.4f}."
    )


def test_of(record: TrialRecord) -> float:
    value: Any = record.reports[-1].metrics["test"]  # Any: plain JSON
    return float(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--images", choices=["fashion-mnist", "digits"], default=default_name())
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--wider", type=int, default=12)
    parser.add_argument("--search-epochs", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--num-random", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--concurrency", type=int, default=2)
    given = parser.parse_args()
    sizes = Sizes(
        images=given.images,
        channels=given.channels,
        wider=given.wider,
        search_epochs=given.search_epochs,
        epochs=given.epochs,
        num_random=given.num_random,
    )
    state = compare(given.directory, sizes, seed=given.seed, concurrency=given.concurrency)
    print("trial           CPU s  validation    test  inherited")
    for record in state.trials.values():
        print(line(record))
    print(verdict(state))
    print(f"Pictures: {given.directory}/weights.svg, normal.dot, reduce.dot")


if __name__ == "__main__":
    main()
