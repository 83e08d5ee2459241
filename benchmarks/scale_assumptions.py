"""What is assumed, not measured, of places past one machine: prices, limits, latencies, a workload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ObjectStore:
    """Amazon S3 Standard in us-east-1: list prices and published limits as known in November 2026."""

    usd_a_request: Mapping[str, float] = field(
        default_factory=lambda: {
            "PUT": 0.005 / 1000,
            "LIST": 0.005 / 1000,
            "GET": 0.0004 / 1000,
            "HEAD": 0.0004 / 1000,
            "DELETE": 0.0,
        }
    )
    usd_a_gigabyte_month: float = 0.023
    writes_a_second: float = 3500
    """PUT and DELETE below one prefix, until the service splits it, which it does by itself, not at once."""
    reads_a_second: float = 5500
    """GET, HEAD and, here, LIST below one prefix; how a LIST counts is not published."""
    names_a_page: int = 1000
    seconds_a_request: Mapping[str, float] = field(
        default_factory=lambda: {"PUT": 0.06, "LIST": 0.08, "GET": 0.03, "HEAD": 0.02, "DELETE": 0.03}
    )
    """A guess for small objects from within the region; the service promises none of it."""


@dataclass(frozen=True)
class Workload:
    """What the trials do."""

    train_seconds: float = 600.0
    """In the mean; exponentially distributed."""
    report_seconds: float = 30.0
    """Between two reports."""
    launch_seconds: float = 3.0
    """From Ray's call until the attempt speaks: a process, its imports, a place."""
    checkpoint_bytes: float = 10e6
    """That a trial adds to the store."""
    num_checkpoints: int = 1_000_000


@dataclass(frozen=True)
class Beats:
    """How attempts say that they are alive."""

    seconds: float = 2.0
    """Between two, as the supervisor has it."""
    attempts_a_beat: int = 1
    """For how many attempts one beat speaks."""
    longest_seconds: float = 10.0
    most_a_second: float | None = None
    """Attempts beat less often where they would be more than that, all together."""
    silence_seconds: float = 40.0
    """After which an attempt counts as lost."""

    def pause(self, num_attempts: int) -> float:
        """Seconds until an attempt's next beat."""
        if self.most_a_second is None:
            return self.seconds
        return min(self.longest_seconds, max(self.seconds, num_attempts / self.most_a_second))
