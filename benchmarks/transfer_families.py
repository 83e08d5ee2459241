"""What arrives when members of real families inherit from one another, and what that is worth: measured.

Small random members of the families of `transformers` and, where it is installed, of `timm`, with weights
and statistics moved away from where they begin. The smaller member gives to the larger and the larger to the
smaller. For each pair: what the certificate claims, how far the outputs lie apart in float64, how much of the
child came from where, and the seconds. A pair runs in a process of its own; if that raises, hangs or dies,
the pair is a row that says so.

Usage: ``python benchmarks/transfer_families.py --report benchmarks/results/NAME.md``
(``--only REGEX`` for some pairs, ``--quick`` for one growing pair a family). NAME.json lies beside the page.
``--summary docs/families.md`` renews the table there. ``--go-on`` keeps what the report holds of pairs that
are not measured now, so that two environments fill one page, and a mended pair is measured alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import re
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import torch
import transfer_families_hf
import transfer_families_timm
from transfer_families_measure import Direction, Entry, Row, failed, measured, traced
from transfer_families_report import versions, write_report, write_summary

SECONDS_A_PAIR = 300


def main() -> None:
    """Measure the pairs that were asked for and write the page."""
    options = _options()
    torch.set_num_threads(1)
    entries = [entry for entry in _entries() if re.search(options.only, entry.name)]
    if options.quick:
        entries = list({(entry.library, entry.family): entry for entry in reversed(entries)}.values())[::-1]
    directions: tuple[Direction, ...] = ("grow",) if options.quick else ("grow", "shrink")
    rows, known = _kept(options.report) if options.go_on else ([], {})
    known |= versions(entry.library for entry in entries)
    for entry in entries:
        rows = _with(rows, _rows(entry, directions=directions))
        if options.report:  # each time, so that a run that is broken off leaves what it has found
            _write(options.report, rows, known)
    if options.report:  # also where all was kept
        _write(options.report, rows, known)
    if options.summary:
        write_summary(options.summary, rows)
    if false_claims := [row.name for row in rows if row.is_false_claim]:
        sys.exit(f"{len(false_claims)} claims are false: {false_claims}")


def _kept(page: Path) -> tuple[list[Row], dict[str, str]]:
    """The rows and the versions that a report holds."""
    if not page.with_suffix(".json").exists():
        return [], {}
    results = json.loads(page.with_suffix(".json").read_text())
    return [Row(**row) for row in results["rows"]], results["versions"]


def _with(rows: list[Row], new: list[Row]) -> list[Row]:
    """The rows with new ones, in the place of those of the same pair and direction."""
    found = {(row.name, row.direction): row for row in rows}
    found |= {(row.name, row.direction): row for row in new}
    return list(found.values())


def _write(page: Path, rows: list[Row], known: dict[str, str]) -> None:
    results = {"versions": known, "rows": [dataclasses.asdict(row) for row in rows]}
    page.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    write_report(page, rows, known)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="a regular expression that a pair's name has to contain")
    parser.add_argument("--quick", action="store_true", help="one growing pair for each family")
    parser.add_argument("--report", type=Path, help="the page to write; JSON goes beside it")
    parser.add_argument("--summary", type=Path, help="the page in which a line for each family is renewed")
    parser.add_argument("--go-on", action="store_true", help="keep the report's rows of other pairs")
    return parser.parse_args()


def _entries() -> Iterator[Entry]:
    yield from transfer_families_hf.entries()
    yield from transfer_families_timm.entries()


def _rows(entry: Entry, *, directions: tuple[Direction, ...]) -> list[Row]:
    """All directions of an entry, measured in a process of its own."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, entry, directions))
    process.start()
    theirs.close()
    rows: list[Row] = []
    why = ""
    try:
        while len(rows) < len(directions) and not why:
            if ours.poll(SECONDS_A_PAIR):
                rows.append(ours.recv())
            else:
                why = f"not done after {SECONDS_A_PAIR} s"
    except EOFError:
        process.join()
        why = f"its process ended with exit code {process.exitcode}"
    process.kill()
    process.join()
    rows += [failed(entry, direction, why) for direction in directions[len(rows) :]]
    for row in rows:
        print(row, file=sys.stderr, flush=True)
    return rows


def _work(connection: Connection, entry: Entry, directions: tuple[Direction, ...]) -> None:
    torch.set_num_threads(1)
    try:
        members = traced(entry)
        for direction in directions:
            connection.send(measured(entry, members, direction=direction))
    except Exception as error:  # noqa: BLE001  # what it raises is the result, and is shown in the table
        why = f"{type(error).__name__}: {error}"
        for direction in directions:  # what was sent before is kept: a row more than asked for is not read
            connection.send(failed(entry, direction, why))
    connection.close()


if __name__ == "__main__":
    main()
