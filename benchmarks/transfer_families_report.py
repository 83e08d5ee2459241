"""The page on a run of `transfer_families`: sums first, then a row for each pair."""

from __future__ import annotations

import datetime as dt
import os
import platform
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from transfer_families_measure import Row

READING = "## Reading"
BEGIN, END = "<!-- families: written by benchmarks/transfer_families.py -->", "<!-- families: end -->"


def write_report(path: Path, rows: Sequence[Row], known: Mapping[str, str]) -> None:
    """Write the page; what was written by hand at its end stays."""
    old = path.read_text() if path.exists() else ""
    reading = old[old.index(READING) :] if READING in old else f"{READING}\n\nNot written yet.\n"
    path.write_text(
        "\n".join([*_head(rows, known), *_table(rows, "grow"), *_table(rows, "shrink")]) + f"\n{reading}"
    )


def write_summary(path: Path, rows: Sequence[Row]) -> None:
    """Put one line a family into a page that is otherwise written by hand, in place of what was there."""
    before, _, rest = path.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    table = "\n".join(_summary(rows))
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


def _summary(rows: Sequence[Row]) -> Iterator[str]:
    growing = [row for row in rows if row.direction == "grow"]
    yield "| family | exact | not exact, and why |"
    yield "|---|---|---|"
    for library, family in dict.fromkeys((row.library, row.family) for row in growing):
        members = [row for row in growing if (row.library, row.family) == (library, family)]
        exact = "; ".join(_named(row) for row in members if row.is_exact)
        others = "; ".join(
            f"{row.change}: {_phrase(row.failure or row.reason)}" for row in members if not row.is_exact
        )
        yield f"| {family} ({library}) | {exact} | {others} |"


def _named(row: Row) -> str:
    return row.change if row.is_exact_in_training else f"{row.change} (in eval mode)"


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """The libraries whose models are measured here, each with the torch that traces them."""
    return {name: f"{version(name)} (torch {version('torch')})" for name in sorted(set(libraries))}


def _head(rows: Sequence[Row], known: Mapping[str, str]) -> Iterator[str]:
    load = os.getloadavg()[0]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one used, load {load:.1f}"
    libraries = ", ".join(f"{name} {number}" for name, number in known.items())
    yield "# Members of real families that inherit from one another\n"
    system = f"{platform.system()} {platform.release()}"
    yield f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {machine}, {system}, {libraries}.\n"
    yield "| direction | pairs | exact | exact in eval only | approximate | failed | false claims |"
    yield "|---|---|---|---|---|---|---|"
    for direction in ("grow", "shrink"):
        yield _sum(direction, [row for row in rows if row.direction == direction])
    done = [row for row in rows if not row.failure]
    if done:
        yield ""
        yield (
            "Seconds, median and longest: "
            f"tracing both {_spread([row.trace_seconds for row in done])}, "
            f"planning {_spread([row.plan_seconds for row in done])}, "
            f"applying {_spread([row.apply_seconds for row in done])}."
        )
    yield ""


def _sum(direction: str, rows: Sequence[Row]) -> str:
    both = sum(row.is_exact_in_training for row in rows)
    in_eval = sum(row.is_exact and not row.is_exact_in_training for row in rows)
    failures = sum(bool(row.failure) for row in rows)
    false_claims = sum(row.is_false_claim for row in rows)
    approximate = len(rows) - both - in_eval - failures
    return f"| {direction} | {len(rows)} | {both} | {in_eval} | {approximate} | {failures} | {false_claims} |"


def _spread(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f} and {max(seconds):.2f}"


def _table(rows: Sequence[Row], direction: str) -> Iterator[str]:
    kept = [row for row in rows if row.direction == direction]
    if not kept:
        return
    title = "The smaller gives to the larger" if direction == "grow" else "The larger gives to the smaller"
    yield f"## {title}\n"
    yield (
        "| family | change | certificate | error in eval, train (before) "
        "| exact / approximate / fresh | covered | trace, plan, apply | why not |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    yield from map(_line, kept)
    yield ""


def _line(row: Row) -> str:
    name = f"| {row.family} ({row.library}) | {row.change} |"
    if row.failure:
        return f"{name} **failed** | | | | | {_phrase(row.failure)} |"
    verdict = "exact" if row.is_exact_in_training else "exact in eval" if row.is_exact else "approximate"
    if row.is_false_claim:
        verdict = f"**false**: {verdict}"
    why = row.reason or row.training_reason
    shares = " / ".join(
        f"{100 * share:.0f} %" for share in (row.share_exact, row.share_approximate, row.share_fresh)
    )
    return (
        f"{name} {verdict} | {row.error:.0e}, {row.error_in_training:.0e} ({row.error_before:.0e}) "
        f"| {shares} | {100 * row.coverage:.0f} % | {row.trace_seconds:.1f}, {row.plan_seconds:.2f}, "
        f"{row.apply_seconds:.2f} s | {_phrase(why)} |"
    )


def _phrase(why: str) -> str:
    """One line that a table can hold."""
    line = " ".join(why.split()).replace("|", "\\|").removeprefix("output 0: ")
    return line if len(line) <= 130 else f"{line[:127]}…"
