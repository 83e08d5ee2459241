"""`heredity ls`, `show` and `tree`: look at an experiment or at a store, change nothing."""

from __future__ import annotations

import datetime as dt
import os
import sys

import click
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from heredity.cli.inherited import entry_of, inheritance_text, plan_table, recorded_plan
from heredity.cli.live import trial_table
from heredity.cli.output import (
    add_row,
    console,
    json_option,
    keys_text,
    number_text,
    print_json,
    program,
    seconds_text,
    size_text,
    state_text,
    table,
    verdict_text,
)
from heredity.cli.places import ExperimentPlace, open_place, store_of
from heredity.cli.report import lineage_tree, print_outcomes
from heredity.cli.values import checkpoint_to_json, trial_to_json
from heredity.cli.weights.sizes import print_sizes, say_what_is_damaged
from heredity.encoding import Json
from heredity.engine.directory import JOURNAL_NAME
from heredity.errors import ConfigError
from heredity.experiment import outcomes
from heredity.ids import CheckpointKey, TrialId
from heredity.journal import has_driver
from heredity.store import Checkpoint, Store


@click.command()
@click.argument("place")
@click.option("--prefix", default="", help="Only checkpoints whose keys begin so.")
@click.option("--sizes", is_flag=True, help="What each checkpoint takes, and what dropping it would free.")
@json_option
def ls(place: str, prefix: str, *, sizes: bool, as_json: bool) -> None:
    """List the trials of an experiment or the checkpoints of a store.

    PLACE is an experiment's directory, or a store's directory or URL. With --sizes, an experiment's store.
    """
    if sizes:
        print_sizes(store_of(place)[0], prefix=prefix, as_json=as_json)
        return
    opened = open_place(place)
    if isinstance(opened, ExperimentPlace):
        if as_json:
            print_json([trial_to_json(record) for record in opened.state.trials.values()])
        else:
            console().print(trial_table(opened.state))
            _say_if_abandoned(opened)
        return
    checkpoints = opened.checkpoints(prefix=prefix)
    if as_json:
        print_json([checkpoint_to_json(checkpoint) for checkpoint in checkpoints])
        say_what_is_damaged(opened, to_stderr=True)
        return
    console().print(_checkpoint_table(checkpoints))
    say_what_is_damaged(opened, to_stderr=False)


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


@click.command()
@click.argument("place")
@click.argument("name")
@json_option
def show(place: str, name: str, *, as_json: bool) -> None:
    """Show one trial or one checkpoint.

    PLACE is an experiment's directory, or a store's directory or URL; NAME a trial or a checkpoint in it.
    """
    opened = open_place(place)
    if isinstance(opened, ExperimentPlace):
        _show_trial(opened, name, as_json=as_json)
    else:
        _show_checkpoint(opened[name], as_json=as_json)


@click.command()
@click.argument("place")
@json_option
def tree(place: str, *, as_json: bool) -> None:
    """Draw who inherited from whom.

    PLACE is an experiment's directory, or a store's directory or URL.
    """
    opened = open_place(place)
    if isinstance(opened, ExperimentPlace):
        if as_json:
            print_json([[r.id, list(r.parents)] for r in opened.state.trials.values()])
        else:
            console().print(lineage_tree(opened.state))
            _say_if_abandoned(opened)
        return
    checkpoints = opened.checkpoints()
    if as_json:
        print_json([[checkpoint.key, list(checkpoint.parents)] for checkpoint in checkpoints])
    else:
        console().print(_checkpoint_tree(opened, checkpoints))


def _say_if_abandoned(place: ExperimentPlace) -> None:
    """A killed driver leaves trials in the journal that seem to run."""
    if not place.state.is_over and not has_driver(place.directory / JOURNAL_NAME):
        text = f"not finished, and no driver runs here; go on with: {program()} resume {place.directory}"
        console().print(Text(text, style="yellow"), soft_wrap=True)


def _show_trial(place: ExperimentPlace, name: str, *, as_json: bool) -> None:
    record = place.state.trials.get(TrialId(name))
    if record is None:
        raise ConfigError(
            f"{place.directory}: there is no trial {name!r}.",
            hint=f"The trials are {', '.join(list(place.state.trials)[:12])}.",
        )
    if as_json:
        print_json(trial_to_json(record))
        return
    screen = console()
    log = place.directory / "logs" / f"{record.id}@{record.attempt}.log"
    _print_facts(
        {
            "trial": Text(record.id, style="bold"),
            "state": state_text(record.state.value),
            "parents": Text(keys_text(record.parents)),
            "parameters": Text(_parameters_text(record.parameters)),
            "attempt": Text(f"{record.attempt} (lost {record.num_losses} times)"),
            "score": Text(number_text(record.score)),
            "time": Text(seconds_text(record.seconds)),
            "checkpoints": Text(keys_text(record.checkpoints)),
            "log": Text(str(log) if log.exists() else "–"),
        }
    )
    if record.reports:
        rows = table("step>", "value>")
        for report in record.reports:
            add_row(rows, str(report.step), number_text(report.value))
        screen.print(rows)
    print_outcomes(screen, [outcome for outcome in outcomes(place.state) if outcome.trial == record.id])
    if record.error:
        screen.print(Text("error", style="bold red"))
        screen.print(Text(record.error.rstrip()))


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
    _print_facts(
        {
            "checkpoint": Text(checkpoint.key, style="bold"),
            "parents": Text(keys_text(checkpoint.parents)),
            "score": Text(number_text(checkpoint.score)),
            "saved": Text(_time_text(checkpoint.created)),
            "size": Text(
                f"{size_text(checkpoint.size_bytes)}, of which {size_text(checkpoint.own_bytes)} are its own"
            ),
            "inherited": inheritance_text(metadata),
            "metadata": Text(_parameters_text(metadata if entry_of(metadata) is None else others)),
        }
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


def _print_facts(facts: dict[str, Text]) -> None:
    screen = console()
    for name, value in facts.items():
        screen.print(Text.assemble((f"{name:<12}", "dim"), value), soft_wrap=True)


def _parameters_text(parameters: object) -> str:
    if not isinstance(parameters, dict):
        return str(parameters)
    return ", ".join(f"{name}={value}" for name, value in parameters.items()) or "–"


def _time_text(when: dt.datetime) -> str:
    """Local time; on a terminal without what can be taken for granted."""
    local = when.astimezone()
    if not sys.stdout.isatty():
        return local.strftime("%Y-%m-%d %H:%M:%S")
    is_today = local.date() == dt.datetime.now().astimezone().date()
    return local.strftime("%H:%M:%S" if is_today else "%Y-%m-%d")
