"""`heredity verify`: read every tensor again and compare it with its digest."""

from __future__ import annotations

import sys

import click

from heredity.cli.completing.names import NAME, PLACE
from heredity.cli.main import EXIT_FAILED
from heredity.cli.output import add_row, console, json_option, print_json, table
from heredity.cli.places import store_of
from heredity.cli.shell.options import examples, is_quiet, quiet_option
from heredity.cli.shell.progress import waiting


@click.command(epilog=examples("heredity verify weights/", "heredity verify weights/ run-1/father --json"))
@click.argument("place", type=PLACE)
@click.argument("key", type=NAME, required=False)
@json_option
@quiet_option
def verify(place: str, key: str | None, *, as_json: bool) -> None:
    """Read every tensor again and compare it with its digest.

    PLACE is a store's directory or URL, or an experiment's directory; KEY, a key or the name of
    a trial, limits it to one checkpoint. Nothing is repaired. Exits with 1 if anything is damaged.
    """
    store, keys = store_of(place)
    key = None if key is None else keys.get(key, key)
    num_checkpoints = 1 if key is not None else len(store.checkpoints())
    with waiting(f"reading {num_checkpoints:,} checkpoints"):
        problems = store.verify(key)
    if as_json:
        print_json(
            {
                "checkpoints": num_checkpoints,
                "problems": [{"key": p.key, "tensor": p.tensor, "what": p.what} for p in problems],
            }
        )
    elif not problems:
        if is_quiet():
            return
        console().print(f"{num_checkpoints} checkpoints, all whole")
    else:
        rows = table("checkpoint~", "tensor~", "problem~")
        for problem in problems:
            add_row(rows, problem.key, problem.tensor or "–", problem.what)
        console().print(rows)
    sys.exit(EXIT_FAILED if problems else 0)
