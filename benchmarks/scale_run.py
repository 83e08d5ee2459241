"""Ten thousand trials at a time, a million checkpoints in a bucket: what breaks first, and what it costs.

In four parts: requests for each operation, counted (`scale_requests.py`); the driver, its mailbox and the
index, measured (`scale_driver.py`, `scale_index.py`); queues, simulated (`scale_simulation.py`); and sums
of all that with the prices and limits of `scale_assumptions.py`. None of it was run on a cluster.

Usage: ``python benchmarks/scale_run.py --report benchmarks/results/NAME.md``; ``--tiny`` only to see
whether it works, ``--only PART`` for some parts, the others taken from the numbers beside the page;
without a part after it, the page is made anew.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scale_assumptions import Beats, ObjectStore, Workload
from scale_driver import experiment_costs, journal_costs, look_costs, ray_costs
from scale_index import header_cost, index_costs
from scale_report import page
from scale_requests import Bench, growing_operations, pages, server, single_operations, whole_trials
from scale_simulation import Costs, Outcome, Simulation
from trial_overhead import machine
from trial_overhead_accounts import go_first

VARIANTS = {
    "a beat every 2 s, as it was": Beats(),
    "beats at most 500 a second, as it is": Beats(most_a_second=500),
    "… and one beat for the 8 attempts of a machine": Beats(most_a_second=500, attempts_a_beat=8),
}


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    small: int = 50
    large: int = 200
    strangers: int = 2500
    trials: int = 500
    reports: int = 20
    events: int = 20_000
    calls: int = 10_000
    attempts: Sequence[int] = (100, 1000, 10_000)
    headers: int = 300
    checkpoints: Sequence[int] = (1000, 10_000, 100_000)
    places: Sequence[int] = (100, 300, 1000, 3000, 10_000, 30_000)
    warm_up_seconds: float = 60.0
    seconds: float = 60.0


TINY = Size(3, 6, 1100, 10, 2, 500, 200, (10, 20), 3, (50, 100), (20, 40), 5.0, 10.0)


def requests(size: Size, _: Mapping[str, Any]) -> dict[str, Any]:
    with server() as (options, log), tempfile.TemporaryDirectory() as name:
        bench = Bench(options, log, machine_folder=Path(name))
        return {
            "single": single_operations(bench),
            "growing": growing_operations(bench, small=size.small, large=size.large),
            "trial": whole_trials(bench, Path(name)),
            "names_a_page": pages(bench, size.strangers),
        }


def driver(size: Size, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "experiment": experiment_costs(size.trials, size.reports),
        "journal": journal_costs(size.events),
        "looks": {str(num): look_costs(num) for num in size.attempts},
        "ray": ray_costs(num_calls=size.calls, sizes=size.attempts),
    }


def index(size: Size, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "header_cpu_seconds": header_cost(size.headers),
        "sizes": {str(num): index_costs(num) for num in size.checkpoints},
    }


def simulation(size: Size, results: Mapping[str, Any]) -> dict[str, Any]:
    costs = costs_of(results)
    return {
        name: [
            summary(
                Simulation(num, costs=costs, workload=Workload(), beats=beats).run(
                    warm_up_seconds=size.warm_up_seconds, seconds=size.seconds
                )
            )
            for num in size.places
        ]
        for name, beats in VARIANTS.items()
    }


def costs_of(results: Mapping[str, Any]) -> Costs:
    """The simulation's costs, by what was measured; waits of attempts by requests one after another."""
    measured, single = results["driver"], results["requests"]["single"]
    place = ObjectStore()
    waits = {
        name: sum(single[name][kind] * place.seconds_a_request[kind] for kind in single[name])
        for name in ("open a store", "load, one more owner", "save, shared with a parent")
    }
    look, look_more = line({int(n): each["mailbox_cpu_seconds"] for n, each in measured["looks"].items()})
    _, driver_more = line({int(n): each["driver_cpu_seconds"] for n, each in measured["looks"].items()})
    turn, turn_more = line({int(n): seconds for n, seconds in measured["ray"]["waits"].items()})
    call = measured["ray"]["beat_cpu_seconds"]
    return Costs(
        call=call,
        look=call + max(0.0, look),
        look_per_attempt=look_more,
        turn=max(0.0, turn),
        turn_per_attempt=turn_more + driver_more,
        event=measured["experiment"]["report_cpu_seconds"] + measured["journal"]["decode_cpu_seconds"],
        trial=measured["experiment"]["trial_cpu_seconds"] + measured["ray"]["start_cpu_seconds"],
        sync=measured["journal"]["sync_seconds"],
        inherit=waits["open a store"] + waits["load, one more owner"],
        save=waits["save, shared with a parent"],
    )


def line(values: Mapping[int, float]) -> tuple[float, float]:
    """Where a line through the smallest and the largest begins, and its slope."""
    small, large = min(values), max(values)
    slope = (values[large] - values[small]) / (large - small)
    return values[small] - small * slope, slope


def summary(outcome: Outcome) -> dict[str, float]:
    """An outcome in few numbers."""
    handovers = sorted(outcome.handover_seconds)
    return {
        "num_attempts": outcome.num_attempts,
        "mailbox_load": outcome.mailbox_load,
        "driver_load": outcome.driver_load,
        "trials_a_second": outcome.trials_a_second,
        "calls_a_second": outcome.calls_a_second,
        "handover_median_seconds": statistics.median(handovers) if handovers else 0.0,
        "handover_99_seconds": handovers[int(0.99 * (len(handovers) - 1))] if handovers else 0.0,
        "longest_silence_seconds": max(outcome.beat_seconds, default=0.0),
    }


PARTS: dict[str, Callable[[Size, Mapping[str, Any]], dict[str, Any]]] = {
    "requests": requests,
    "driver": driver,
    "index": index,
    "simulation": simulation,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--report", type=Path, required=True, help="the page to write; JSON goes beside it")
    parser.add_argument("--tiny", action="store_true", help="only see whether it works")
    parser.add_argument("--only", nargs="*", choices=list(PARTS), default=list(PARTS))
    arguments = parser.parse_args()
    numbers = arguments.report.with_suffix(".json")
    results: dict[str, Any] = json.loads(numbers.read_text()) if numbers.exists() else {}
    go_first()
    for name in arguments.only:
        before = os.getloadavg()[0]
        results[name] = PARTS[name](TINY if arguments.tiny else Size(), results)
        results["machine"] = machine()
        results.setdefault("loads", {})[name] = [before, os.getloadavg()[0]]
        numbers.write_text(json.dumps(results, indent=1) + "\n")
    arguments.report.write_text(page(results, arguments.report))


if __name__ == "__main__":
    main()
