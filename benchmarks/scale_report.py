"""The page of the measurement past one machine, made from its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scale_assumptions import Beats, ObjectStore, Workload
from scale_plots import delay_plot, load_plot

Results = Mapping[str, Any]  # Any: plain data, as it lies in the JSON file
Requests = Mapping[str, float]
READING = "\n## Reading\n"
_LOOKS = (
    "A listing takes one LIST for {:,} names. A *look* of a wait comes after 0.1 s, then after half as "
    "long again each time, at most a second."
)
_QUEUES = (
    "Simulated: attempts that beat, report and end; the mailbox; the driver's loop. *Load*: the busy "
    "share of one core. *Handover*: from an attempt's last word until its successor is started. "
    "*Silence*: the longest time between two beats; after {:g} s an attempt counts as lost, which the "
    "simulation does not act out."
)
_FULL = (
    "By demand alone, without queues: the number of trials at a time for which a part would be busy all "
    "the time. The store's limits are those of one prefix; its names are spread over 256."
)
KINDS = ("PUT", "GET", "HEAD", "LIST", "DELETE")
INDEX_THREADS, COLLECT_THREADS = 12, 8
"""How many headers are asked for at once, by `store/index/refreshing.py` and `store/upkeep/collecting.py`."""
PLACE, WORK = ObjectStore(), Workload()


def page(results: Results, path: Path) -> str:
    """The page's text; what stands by hand under its last heading stays."""
    loads = [load for pair in results["loads"].values() for load in pair]
    lines = [
        "# Past one machine: requests, queues, costs",
        "",
        f"{results['machine']}. Load while it was measured: {min(loads):.1f} to {max(loads):.1f}.",
        "",
        _introduction(),
        *_requests(results["requests"]),
        *_million(results),
        *_driver(results["driver"]),
        *_simulation(results["simulation"], path),
        *_first(results, path),
        "",
        "`python benchmarks/scale_run.py --report benchmarks/results/NAME.md` repeats it.",
    ]
    old = path.read_text() if path.exists() else ""
    return "\n".join(lines) + "\n" + (READING + old.partition(READING)[2] if READING in old else "")


def _introduction() -> str:
    price, pauses = PLACE.usd_a_request, PLACE.seconds_a_request
    latencies = ", ".join(f"{kind} {1000 * value:g}" for kind, value in pauses.items())
    return (
        "Nothing here was run on a cluster. Requests are counted in an S3 server's access log (moto, on "
        "loopback); what the driver, its mailbox and the index compute is measured in CPU seconds; "
        "queues are simulated with these. Assumed, in `scale_assumptions.py`: S3 Standard, us-east-1, "
        f"list prices as known in November 2026 ({1000 * price['PUT']:g} USD for 1,000 PUT or LIST, "
        f"{1000 * price['GET']:g} for 1,000 GET or HEAD, {PLACE.usd_a_gigabyte_month:g} a GB and month); "
        f"{PLACE.writes_a_second:,.0f} writes and {PLACE.reads_a_second:,.0f} reads a second below one "
        f"prefix, until the service has split it; milliseconds a request: {latencies}. A trial trains "
        f"for {WORK.train_seconds / 60:g} minutes in the mean, reports each {WORK.report_seconds:g} s, "
        "inherits from one parent and saves once.\n"
    )


def usd(requests: Requests) -> float:
    """What requests cost."""
    return sum(PLACE.usd_a_request[kind] * num for kind, num in requests.items())


def seconds(requests: Requests, *, at_once: int = 1) -> float:
    """How long requests take, so many at once."""
    return sum(PLACE.seconds_a_request[kind] * num for kind, num in requests.items()) / at_once


def _requests(counted: Results) -> list[str]:
    rows = {**counted["single"], **counted["trial"], **counted["growing"]}
    head = " | ".join(KINDS)
    lines = [
        "## Requests of each operation",
        "",
        _LOOKS.format(counted["names_a_page"]),
        "",
        f"| | {head} | USD for a million | s, one after another |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, requests in rows.items():
        cells = " | ".join(f"{requests[kind]:g}" for kind in KINDS)
        lines.append(f"| {name} | {cells} | {1e6 * usd(requests):.2f} | {seconds(requests):.2f} |")
    return lines


def million(results: Results) -> list[tuple[str, Requests, float, float]]:
    """Operations on a store of a million checkpoints: requests, seconds of waiting, seconds of computing."""
    num = WORK.num_checkpoints
    growing, index = results["requests"]["growing"], results["index"]
    num_pages = math.ceil(num / results["requests"]["names_a_page"])
    listing = {"LIST": float(num_pages)}
    look_cpu = extrapolated({int(n): each["look_cpu_seconds"] for n, each in index["sizes"].items()}, num)
    write_cpu = extrapolated({int(n): each["write_cpu_seconds"] for n, each in index["sizes"].items()}, num)
    headers = {"GET": growing["index, first look: per checkpoint"]["GET"] * num}
    roots = {"GET": growing["collect: per live checkpoint"]["GET"] * num}
    header_cpu = index["header_cpu_seconds"] * num
    trial = results["requests"]["trial"]["a trial with a parent, in all"]
    return [
        ("all trials", {kind: n * num for kind, n in trial.items()}, math.nan, math.nan),
        ("a look at the index, nothing new", listing, seconds(listing), look_cpu),
        (
            "the first look of a machine",
            {**listing, **headers},
            seconds(listing) + seconds(headers, at_once=INDEX_THREADS),
            header_cpu + write_cpu,
        ),
        (
            "a collection, all of them live",
            {"LIST": 2.0 * num_pages, **roots},
            2 * seconds(listing) + seconds(roots, at_once=COLLECT_THREADS),
            header_cpu,
        ),
    ]


def extrapolated(values: Mapping[int, float], num: int) -> float:
    """Along the line through the two largest."""
    low, high = sorted(values)[-2:]
    return values[high] + (num - high) * (values[high] - values[low]) / (high - low)


def _million(results: Results) -> list[str]:
    sizes = {int(num): each for num, each in results["index"]["sizes"].items()}
    measured = "; ".join(f"{num:,}: {each['look_cpu_seconds']:.3g} s" for num, each in sizes.items())
    disk = extrapolated({num: each["index_bytes"] for num, each in sizes.items()}, WORK.num_checkpoints)
    storage = WORK.num_checkpoints * WORK.checkpoint_bytes / 1e9
    text = (
        f"CPU seconds of a look at the index that finds nothing new: {measured}; beyond that, the line "
        "through the last two. A header of 200 tensors takes "
        f"{1000 * results['index']['header_cpu_seconds']:.2f} ms to parse. The index would have "
        f"{disk / 1e9:.1f} GB. {INDEX_THREADS} headers at once in a look, {COLLECT_THREADS} in a "
        f"collection. The bytes cost {storage * PLACE.usd_a_gigabyte_month:,.0f} USD a month, if each "
        f"checkpoint adds {WORK.checkpoint_bytes / 1e6:g} MB."
    )
    lines = [
        "",
        f"## {WORK.num_checkpoints:,} checkpoints",
        "",
        text,
        "",
        "| | requests | USD | waiting for answers | computing |",
        "|---|---|---|---|---|",
    ]
    for name, requests, waiting, computing in million(results):
        num = ", ".join(f"{kind} {n:,.0f}" for kind, n in requests.items() if n)
        lines.append(f"| {name} | {num} | {usd(requests):.3f} | {_time(waiting)} | {_time(computing)} |")
    return lines


def _time(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value / 60:.0f} min" if value >= 600 else f"{value:.1f} s"


def _driver(driver: Results) -> list[str]:
    journal, experiment, ray = driver["journal"], driver["experiment"], driver["ray"]
    events = (
        experiment["trial_events"] + WORK.train_seconds / WORK.report_seconds * experiment["report_events"]
    )
    size = experiment["trial_bytes"] + WORK.train_seconds / WORK.report_seconds * experiment["report_bytes"]
    looks = ", ".join(f"{1000 * each['mailbox_cpu_seconds']:.2f}" for each in driver["looks"].values())
    waits = ", ".join(f"{1000 * value:.2f}" for value in ray["waits"].values())
    attempts = ", ".join(f"{int(num):,}" for num in driver["looks"])
    rows = [
        ("a trial, from proposal to end, inline", f"{1000 * experiment['trial_cpu_seconds']:.2f} ms"),
        ("a report", f"{1e6 * experiment['report_cpu_seconds']:.0f} µs"),
        ("an event, decoded", f"{1e6 * journal['decode_cpu_seconds']:.0f} µs"),
        ("a start, handed to Ray", f"{1e6 * ray['start_cpu_seconds']:.0f} µs"),
        (f"a turn of its loop with {attempts} tasks", f"{waits} ms"),
        ("the journal's sync (wall)", f"{1000 * journal['sync_seconds']:.1f} ms"),
        (
            "events a second into the journal, a sync for each; for 100; for all",
            "; ".join(f"{journal[f'events_a_second_synced_by_{every}']:,.0f}" for every in (1, 100, "all")),
        ),
        ("a report in the journal", f"{experiment['report_bytes']:.0f} bytes"),
        ("a trial of the workload in the journal", f"{events:.0f} events, {size / 1000:.1f} kB"),
        ("**mailbox**: a call", f"{1e6 * ray['beat_cpu_seconds']:.0f} µs"),
        (f"**mailbox**: a look, {attempts} attempts", f"{looks} ms"),
    ]
    return [
        "",
        "## The driver and its mailbox",
        "",
        "CPU time unless said otherwise.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows),
    ]


def _simulation(simulated: Results, path: Path) -> list[str]:
    lines = [
        "",
        "## Queues",
        "",
        _QUEUES.format(Beats().silence_seconds),
    ]
    for name, rows in simulated.items():
        lines += [
            "",
            f"**{name}**",
            "",
            "| at a time | mailbox load | driver load | trials/s | handover, median | 99 % | silence |",
            "|---|---|---|---|---|---|---|",
            *map(_simulated, rows),
        ]
    return [*lines, "", f"![Handovers and silences]({delay_plot(simulated, path)})"]


def _simulated(row: Mapping[str, float]) -> str:
    return (
        f"| {row['num_attempts']:,} | {row['mailbox_load']:.2f} | {row['driver_load']:.2f} | "
        f"{row['trials_a_second']:.1f} | {row['handover_median_seconds']:.3g} s | "
        f"{row['handover_99_seconds']:.3g} s | {row['longest_silence_seconds']:.3g} s |"
    )


def offered_loads(results: Results) -> dict[str, float]:
    """What each part would be asked for, of what it can do, by one attempt at a time; 1 is all it can."""
    per_second = 1 / WORK.train_seconds
    experiment, ray = results["driver"]["experiment"], results["driver"]["ray"]
    journal = results["driver"]["journal"]
    num_reports = WORK.train_seconds / WORK.report_seconds
    calls = (num_reports + 5) * per_second
    call = ray["beat_cpu_seconds"]
    event = experiment["report_cpu_seconds"] + journal["decode_cpu_seconds"]
    trial = experiment["trial_cpu_seconds"] + ray["start_cpu_seconds"]
    asked = results["requests"]["trial"]["a trial with a parent, in all"]
    num_pages = WORK.num_checkpoints / results["requests"]["names_a_page"]
    return {
        "each trial chooses among a million: LIST": per_second * num_pages / PLACE.reads_a_second,
        "mailbox, a beat every 2 s": call * (calls + 1 / Beats().seconds),
        "mailbox, without beats": call * calls,
        "driver, events and trials alone": per_second * (trial + num_reports * event),
        "store: GET and HEAD": per_second * (asked["GET"] + asked["HEAD"]) / PLACE.reads_a_second,
        "store: PUT and DELETE": per_second * (asked["PUT"] + asked["DELETE"]) / PLACE.writes_a_second,
    }


def _first(results: Results, path: Path) -> list[str]:
    loads = offered_loads(results)
    plot = load_plot(loads, results["simulation"], path)
    return [
        "",
        "## What is full first",
        "",
        _FULL,
        "",
        "| | full at |",
        "|---|---|",
        *(f"| {name} | {_rounded(1 / load)} |" for name, load in sorted(loads.items(), key=lambda x: -x[1])),
        "",
        f"![Loads]({plot})",
    ]


def _rounded(value: float) -> str:
    digits = 1 - math.floor(math.log10(value))
    return f"{round(value, digits):,.0f}"
