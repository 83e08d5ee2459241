"""What a search inside another tool has come to, and the page that tells it: with and without inheritance."""

from __future__ import annotations

import platform
import statistics
import time
from dataclasses import dataclass

WITHOUT, WITH, ONE = "without", "with", "one network"
"""The arms: a search as it was, the same with our lines, and its first network trained on for as long."""


@dataclass(frozen=True)
class Search:
    """What one search, or one network trained on for as long, has come to.

    Attributes:
        accuracies: Of each trial, or each part of the training, in the order in which they ended.
        seconds: What the whole took.
    """

    accuracies: list[float]
    seconds: float

    def trials_to(self, target: float) -> int | None:
        """How many it took; None if none was good enough."""
        good = [number for number, accuracy in enumerate(self.accuracies, 1) if accuracy >= target]
        return good[0] if good else None


Searches = dict[str, list[Search]]
"""By arm, one for each seed."""


def table(searches: Searches, *, targets: tuple[float, ...], unit: str) -> list[str]:
    """The arms as rows of a table: the best accuracy, and how many units each target took.

    Args:
        searches: What is told.
        targets: Accuracies.
        unit: What is counted, such as ``"trials"``.
    """
    heads = ["", "best accuracy, median (least to most)", *(f"{unit} to {each:.2f}" for each in targets)]
    lines = [f"| {' | '.join(heads)} | seconds |", "|---" * (len(heads) + 1) + "|"]
    for arm, results in searches.items():
        best = sorted(max(each.accuracies) for each in results)
        cells = [arm, f"{statistics.median(best):.3f} ({best[0]:.3f} to {best[-1]:.3f})"]
        for target in targets:
            reached = [each.trials_to(target) for each in results]
            cells.append(", ".join("–" if each is None else str(each) for each in reached))
        seconds = statistics.mean(each.seconds for each in results)
        lines.append(f"| {' | '.join(cells)} | {seconds:.1f} |")
    return lines


def page(title: str, about: list[str], sections: dict[str, list[str]], *, command: str) -> str:
    """A whole page.

    Args:
        title: Of what it tells.
        about: What was done, in lines.
        sections: Tables by their titles.
        command: What makes the page.
    """
    lines = [f"# {title} ({time.strftime('%Y-%m-%d')})", "", *about, ""]
    for name, rows in sections.items():
        lines += [f"## {name}", "", *rows, ""]
    lines += [
        "A dash: not within the search. One number for each seed. Seconds are those of a whole search, the",
        f"mean of the seeds. {platform.machine()}, Python {platform.python_version()}, two cores with other",
        f"work on them. By `{command}`.",
    ]
    return "\n".join(lines) + "\n"
