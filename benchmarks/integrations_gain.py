"""What two lines give to an Optuna study: trials until a target accuracy, with and without inheritance.

The same sampler with the same seed proposes the same hyperparameters to both arms, and each trial takes the
same number of steps. An heir's line has trained longer than its trial, so there is a third arm: the first
trial's network, trained on for as long as the whole search. Usage:

    python benchmarks/integrations_gain.py --report benchmarks/results/DATE-integrations-gain.md
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from pathlib import Path

import optuna
import torch
from integrations_page import Search
from integrations_task import digits, network, train_and_test
from torch import nn

import heredity as hd
from heredity.integrations import GuestTrial
from heredity.integrations.optuna import objective

TARGETS = (0.85, 0.90, 0.93)


def proposed(trial: optuna.Trial) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A network and its optimizer, by the trial's hyperparameters."""
    width = trial.suggest_int("width", 16, 128, log=True)
    model = network(width)
    return model, torch.optim.Adam(model.parameters(), lr=trial.suggest_float("rate", 1e-3, 1e-2, log=True))


def one_network(seed: int, *, num_trials: int, steps: int) -> Search:
    """The first trial of the study, and then on and on."""
    sampler = optuna.samplers.RandomSampler(seed=seed)
    trial = optuna.create_study(direction="maximize", sampler=sampler).ask()
    torch.manual_seed(1000 * seed)
    model, optimizer = proposed(trial)
    begun = time.perf_counter()
    accuracies = [train_and_test(model, optimizer, steps=steps) for _ in range(num_trials)]
    return Search(accuracies, time.perf_counter() - begun)


def study(seed: int, *, num_trials: int, steps: int, inherits: bool) -> Search:
    """One study; all that the two arms differ in is whether the two lines are there."""
    x, _ = digits()

    def train(trial: optuna.Trial, guest: GuestTrial) -> float:
        torch.manual_seed(1000 * seed + trial.number)
        model, optimizer = proposed(trial)
        if inherits:
            guest.inherit(model, example_inputs=x[:2])
        accuracy = train_and_test(model, optimizer, steps=steps)
        if inherits:
            guest.save(model, score=accuracy, steps=steps, example_inputs=x[:2])
        return accuracy

    store = hd.open_store(f"memory://gain-{seed}-{inherits}")
    made = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=seed))
    begun = time.perf_counter()
    made.optimize(objective(train, store=store, parent=store), n_trials=num_trials)
    values = [float(trial.value or 0.0) for trial in made.trials]
    return Search(values, time.perf_counter() - begun)


def page(searches: dict[str, list[Search]], *, num_trials: int, steps: int) -> str:
    """The results as a page."""
    lines = [
        f"# Trials to a target, with and without two lines ({time.strftime('%Y-%m-%d')})",
        "",
        "Optuna's random search, digits, networks of one hidden layer (width 16 to 128, rate 0.001 to 0.01),",
        f"{steps} full steps a trial, {num_trials} trials a study, {len(searches['without'])} seeds,",
        f"{platform.machine()}, Python {platform.python_version()}. A parent is the store's best relative.",
        "By `python benchmarks/integrations_gain.py`. Accuracy is on the images that Optuna chooses by.",
        "",
        "| | best accuracy, median (least to most) | "
        + " | ".join(f"trials to {each:.2f}" for each in TARGETS)
        + " |",
        "|---|---|" + "---|" * len(TARGETS),
    ]
    for arm, results in searches.items():
        best = sorted(max(each.accuracies) for each in results)
        cells = [f"{statistics.median(best):.3f} ({best[0]:.3f} to {best[-1]:.3f})"]
        for target in TARGETS:
            reached = [each.trials_to(target) for each in results]
            cells.append(", ".join("–" if each is None else str(each) for each in reached))
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    seconds = {arm: sum(each.seconds for each in results) / len(results) for arm, results in searches.items()}
    lines += [
        "",
        "*without* and *with* the two lines; *one network* is the study's first trial, trained on as long",
        "as the whole study, counted in trials. A dash: not within the study. One number for each seed.",
        f"A study took {seconds['without']:.1f} s without and {seconds['with']:.1f} s with them, on a",
        "machine with other work.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run both arms with each seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=15)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--report", type=Path)
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    searches: dict[str, list[Search]] = {"without": [], "with": [], "one network": []}
    for seed in range(given.seeds):
        for inherits in (False, True):
            arm = "with" if inherits else "without"
            searches[arm].append(study(seed, num_trials=given.trials, steps=given.steps, inherits=inherits))
        searches["one network"].append(one_network(seed, num_trials=given.trials, steps=given.steps))
        print(*(f"{arm} {max(results[-1].accuracies):.3f}" for arm, results in searches.items()), flush=True)
    text = page(searches, num_trials=given.trials, steps=given.steps)
    print(text)
    if given.report:
        given.report.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
