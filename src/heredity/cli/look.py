"""`heredity ls`, `show` and `tree`: look at an experiment or at a store, change nothing."""

from __future__ import annotations

import datetime as dt
import os
import sys
from typing import Any

import click
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from heredity.cli.completing.names import NAME, PLACE
from heredity.cli.inherited import inheritance_text, plan_table
from heredity.cli.output import (
    add_row,
    console,
    json_option,
    keys_text,
    number_text,
    print_json,
    program,
    size_text,
    table,
    verdict_text,
)
from heredity.cli.places import ExperimentPlace, open_place, store_of
from heredity.cli.shell.options import examples, is_quiet, quiet_option
from heredity.cli.shell.progress import waiting
from heredity.cli.trials.choosing import Wanted
from heredity.cli.trials.columns import facts_text
from heredity.cli.trials.lineage import Cut, lineage_lines
from heredity.cli.trials.listing import (
    follow_trials,
    list_trials,
    listing_options,
    print_trials_json,
    refuse_for_store,
)
from heredity.cli.trials.showing import print_facts, print_trial_json, show_trial
from heredity.cli.values import checkpoint_to_json
from heredity.cli.weights.sizes import print_sizes, say_what_is_damaged
from heredity.dashboard.reading.best import best_trials
from heredity.dashboard.reading.plans import entry_of, recorded_plan
from heredity.encoding import Json
from heredity.engine.directory import JOURNAL_NAME
from heredity.ids import CheckpointKey, TrialId
from heredity.journal import has_driver
from heredity.store import Checkpoint, Store

TERMINAL_LINES = 200
"""Trials of a lineage that are drawn on a terminal, unless all are asked for."""

LABEL_ROOM = 50
"""Columns that a trial's own words take, at the end of its line."""

PROGRAM_DEPTH = 100
"""Generations that are drawn where nobody watches; `--json` has all lineages, however deep."""


@click.command(
    epilog=examples(
        "heredity ls runs/search/001 --best 10",
        "heredity ls runs/search/001 --state failed --json",
        "heredity ls weights/ --sizes",
    )
)
@click.argument("place", type=PLACE)
@click.option("--prefix", default="", help="Only checkpoints whose keys begin so.")
@click.option("--sizes", is_flag=True, help="What each checkpoint takes, and what dropping it would free.")
@listing_options
@click.option("--pager", is_flag=True, help="Show all of it in a pager.")
@click.option("--follow", is_flag=True, help="Go on showing while the experiment runs.")
@json_option
@quiet_option
def ls(place: str, **options: Any) -> None:  # noqa: ANN401  # click's values, checked by it
    """List the trials of an experiment or the checkpoints of a store.

    PLACE is an experiment's directory, or a store's directory or URL. With --sizes, an experiment's store.
    """
    prefix, sizes, as_json, pager, follow = (
        options.pop(name) for name in ("prefix", "sizes", "as_json", "pager", "follow")
    )
    wanted = Wanted(**options)
    if sizes:
        print_sizes(store_of(place)[0], prefix=prefix, as_json=as_json)
        return
    opened = open_place(place)
    if not isinstance(opened, ExperimentPlace):
        refuse_for_store(wanted, follow=follow)
        _list_checkpoints(opened, prefix, as_json=as_json)
    elif as_json:
        print_trials_json(opened, wanted)
    elif follow:
        _say_if_abandoned(ExperimentPlace(opened.directory, follow_trials(opened, wanted)))
    else:
        list_trials(opened, wanted, pager=pager)
        _say_if_abandoned(opened)


def _list_checkpoints(store: Store, prefix: str, *, as_json: bool) -> None:
    with waiting("reading what is new in the store"):
        checkpoints = store.checkpoints(prefix=prefix)
    if as_json:
        print_json([checkpoint_to_json(checkpoint) for checkpoint in checkpoints])
    else:
        _print_checkpoints(store, checkpoints, prefix)
    say_what_is_damaged(store, to_stderr=as_json)


def _print_checkpoints(store: Store, checkpoints: list[Checkpoint], prefix: str) -> None:
    if checkpoints or is_quiet():
        console().print(_checkpoint_table(checkpoints))
        return
    whose = f" whose key begins with {prefix}" if prefix else ""
    console().print(f"{store.url}: no checkpoints{whose}", soft_wrap=True)


def _checkpoint_table(checkpoints: list[Checkpoint]) -> Table:
    # On a terminal the part that all keys share stands above; a program gets whole keys.
    shared = _shared_prefix([checkpoint.key for checkpoint in checkpoints]) if sys.stdout.isatty() else ""
    rows = table("checkpoint~", "parents~", "score>", "tensors>", "size>", "own>", "saved")
    rows.title = f"{shared}…" if shared else None
    for checkpoint in checkpoints:
        add_row(
            rows,
            checkpoint.key.removeprefix(shared),
            keys_text([parent.removeprefix(shared) for parent in checkpoint.parents]),
            number_text(checkpoint.score),
            str(len(checkpoint.tensor_names)),
            size_text(checkpoint.size_bytes),
            size_text(checkpoint.own_bytes),
            _time_text(checkpoint.created),
        )
    return rows


def _shared_prefix(keys: list[CheckpointKey]) -> str:
    """What all keys begin with, up to a slash."""
    common = os.path.commonprefix(keys) if len(keys) > 1 else ""  # noqa: RUF071  # cut at a slash below
    return common[: common.rfind("/") + 1]


@click.command(
    epilog=examples("heredity show runs/search/001 00042", "heredity show weights/ run-1/father --json")
)
@click.argument("place", type=PLACE)
@click.argument("name", type=NAME)
@click.option("--reports", is_flag=True, help="Of a trial: each report, however many there are.")
@click.option(
    "--log-lines", type=click.IntRange(min=0), default=10, help="Of a trial: so much of its log's end."
)
@json_option
@quiet_option
def show(place: str, name: str, *, reports: bool, log_lines: int, as_json: bool) -> None:
    """Show one trial or one checkpoint.

    PLACE is an experiment's directory, or a store's directory or URL; NAME a trial or a checkpoint in it.
    """
    opened = open_place(place)
    if not isinstance(opened, ExperimentPlace):
        _show_checkpoint(opened[name], as_json=as_json)
    elif as_json:
        print_trial_json(opened, name)
    else:
        show_trial(console(), opened, name, all_reports=reports, log_lines=log_lines)


@click.command(
    epilog=examples("heredity tree runs/search/001 --of 00042 --depth 3", "heredity tree weights/")
)
@click.argument("place", type=PLACE)
@click.option("--of", "root", metavar="TRIAL", type=NAME, help="Only this trial and its descendants.")
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="So many generations below the first.")
@click.option("--all", "all_lines", is_flag=True, help="Every trial, however many and however deep.")
@json_option
@quiet_option
def tree(place: str, *, root: str | None, depth: int | None, all_lines: bool, as_json: bool) -> None:
    """Draw who inherited from whom.

    PLACE is an experiment's directory, or a store's directory or URL.
    """
    opened = open_place(place)
    if isinstance(opened, ExperimentPlace):
        if as_json:
            print_json([[r.id, list(r.parents)] for r in opened.state.trials.values()])
            return
        top = None if root is None else TrialId(root)
        _draw_trials(opened, Cut(root=top, depth=depth) if all_lines else _cut_to_fit(top, depth))
        return
    with waiting("reading what is new in the store"):
        checkpoints = opened.checkpoints()
    if as_json:
        print_json([[checkpoint.key, list(checkpoint.parents)] for checkpoint in checkpoints])
    else:
        console().print(_checkpoint_tree(opened, checkpoints))


def _cut_to_fit(root: TrialId | None, depth: int | None) -> Cut:
    """Beyond a terminal's edge nothing is seen; in a file, the indents of deep lineages fill gigabytes."""
    screen = console()
    if not screen.is_terminal:
        return Cut(root=root, depth=PROGRAM_DEPTH if depth is None else depth)
    fitting = max(4, (screen.width - LABEL_ROOM) // 4)
    return Cut(root=root, depth=fitting if depth is None else depth, lines=TERMINAL_LINES)


def _draw_trials(place: ExperimentPlace, cut: Cut) -> None:
    screen = console()
    for line in lineage_lines(place.state, cut, marked=best_trials(place.state)):
        if screen.is_terminal:
            screen.print(line, no_wrap=True, overflow="ellipsis")
        else:
            screen.file.write(f"{line.plain}\n")
    _say_if_abandoned(place)


def _say_if_abandoned(place: ExperimentPlace) -> None:
    """A killed driver leaves trials in the journal that seem to run."""
    if not is_quiet() and not place.state.is_over and not has_driver(place.directory / JOURNAL_NAME):
        text = f"not finished, and no driver runs here; go on with: {program()} resume {place.directory}"
        console().print(Text(text, style="yellow"), soft_wrap=True)


def _show_checkpoint(checkpoint: Checkpoint, *, as_json: bool) -> None:
    if as_json:
        tensors: dict[str, Json] = {
            name: {"dtype": entry.dtype, "shape": entry.shape, "digest": entry.digest, "owner": entry.owner}
            for name, entry in checkpoint.manifest.tensors.items()
        }
        plan = recorded_plan(checkpoint.metadata, key=checkpoint.key)
        print_json({**checkpoint_to_json(checkpoint), "tensors": tensors, "plan": plan})
        return
    _print_checkpoint(checkpoint)
    plan = recorded_plan(checkpoint.metadata, key=checkpoint.key)
    if plan is not None:
        console().print(plan_table(plan))


def _print_checkpoint(checkpoint: Checkpoint) -> None:
    metadata = checkpoint.metadata
    others = {name: value for name, value in metadata.items() if name != "inheritance"}
    print_facts(
        console(),
        {
            "checkpoint": Text(checkpoint.key, style="bold"),
            "parents": Text(keys_text(checkpoint.parents)),
            "score": Text(number_text(checkpoint.score)),
            "saved": Text(_time_text(checkpoint.created)),
            "size": Text(
                f"{size_text(checkpoint.size_bytes)}, of which {size_text(checkpoint.own_bytes)} are its own"
            ),
            "inherited": inheritance_text(metadata),
            "metadata": Text(facts_text(metadata if entry_of(metadata) is None else others)),
        },
    )
    rows = table("tensor~", "dtype", "shape", "owner~")
    for name, entry in checkpoint.manifest.tensors.items():
        owner = Text("itself", style="dim") if entry.owner == checkpoint.key else Text(entry.owner)
        add_row(rows, name, entry.dtype, " × ".join(map(str, entry.shape)) or "scalar", owner)
    console().print(rows)


def _checkpoint_tree(store: Store, checkpoints: list[Checkpoint]) -> Tree:
    below: dict[CheckpointKey, list[Checkpoint]] = {checkpoint.key: [] for checkpoint in checkpoints}
    root = Tree(Text(store.url, style="bold"), guide_style="dim")
    stack: list[tuple[Checkpoint, Tree]] = []
    for checkpoint in reversed(checkpoints):
        parent = next((key for key in checkpoint.parents if key in below), None)
        if parent is None:
            stack.append((checkpoint, root))
        else:
            below[parent].append(checkpoint)
    while stack:
        checkpoint, branch = stack.pop()
        label = Text.assemble((f"{checkpoint.key} ", "bold"), f"score {number_text(checkpoint.score)}")
        entry = entry_of(checkpoint.metadata)
        if entry is not None:
            label = Text.assemble(label, "  inherited ", verdict_text(entry))
        node = branch.add(label)
        stack += [(child, node) for child in below[checkpoint.key]]
    return root


def _time_text(when: dt.datetime) -> str:
    """Local time; on a terminal without what can be taken for granted."""
    local = when.astimezone()
    if not sys.stdout.isatty():
        return local.strftime("%Y-%m-%d %H:%M:%S")
    is_today = local.date() == dt.datetime.now().astimezone().date()
    return local.strftime("%H:%M:%S" if is_today else "%Y-%m-%d")
