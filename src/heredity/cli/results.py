"""`heredity export-results`, and what is said of an experiment's mirrors: its results in other tools."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from heredity.cli.completing.names import PLACE
from heredity.cli.main import EXIT_FAILED
from heredity.cli.output import console, json_option, print_json
from heredity.cli.places import ExperimentPlace, open_place
from heredity.cli.shell.options import examples, is_quiet, quiet_option
from heredity.cli.shell.progress import waiting
from heredity.encoding import Json
from heredity.errors import ConfigError
from heredity.mirrors import MIRRORS, CsvFiles, MirrorOutcome, MirrorSettings, ParquetFiles, TensorBoard
from heredity.mirrors.mirroring import mirror_state


@click.command(
    epilog=examples(
        "heredity export-results runs/search/001 --to csv --out results",
        "heredity export-results runs/search/001 --to tensorboard",
    )
)
@click.argument("place", metavar="EXPERIMENT", type=PLACE)
@click.option("--to", "kind", type=click.Choice(list(MIRRORS)), required=True, help="The form.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A directory for csv, parquet and tensorboard; by default mirrors/FORM in the experiment's.",
)
@json_option
@quiet_option
def export_results(place: str, kind: str, out: Path | None, *, as_json: bool) -> None:
    """Write an experiment's results in the form of another tool.

    EXPERIMENT is an experiment's directory; it may still run. Trials that have ended are written; those that
    are there already stay as they are, so that this can be repeated at any time.
    """
    opened = open_place(place)
    if not isinstance(opened, ExperimentPlace):
        raise ConfigError(f"{place} is a store; expected an experiment's directory.")
    with waiting(f"writing {kind}"):
        outcome = mirror_state(opened.state, _settings(kind, out), directory=opened.directory)
    if as_json:
        print_json(outcome_json(outcome))
    elif not is_quiet() or outcome.problem or outcome.num_missing:
        print_mirrors(console(), [outcome])
    sys.exit(EXIT_FAILED if outcome.num_missing else 0)


def _settings(kind: str, out: Path | None) -> str | MirrorSettings:
    if out is None:
        return kind
    match kind:
        case "csv":
            return CsvFiles(directory=out)
        case "parquet":
            return ParquetFiles(directory=out)
        case "tensorboard":
            return TensorBoard(directory=out)
    raise ConfigError(
        f"--out is a directory, which {kind} does not take.",
        hint="Other places are chosen under `mirrors:` in the experiment file, or from Python.",
    )


def outcome_json(outcome: MirrorOutcome) -> Json:
    """For `--json`."""
    return asdict(outcome)


def print_mirrors(screen: Console, outcomes: Sequence[MirrorOutcome]) -> None:
    """A line for each mirror, and what went wrong with it."""
    for outcome in outcomes:
        known = f", {outcome.num_known} were there" if outcome.num_known else ""
        text = f"{outcome.num_written} trials written{known}  {outcome.place}"
        screen.print(Text.assemble((f"{outcome.kind:<18}", "bold"), text), soft_wrap=True)
        if outcome.problem:
            screen.print(Text(f"  {outcome.problem}", style="yellow"), soft_wrap=True)
        if outcome.num_missing:
            again = f"heredity export-results EXPERIMENT --to {outcome.kind}"
            text = f"  {outcome.num_missing} trials are missing; write them with: {again}"
            screen.print(Text(text, style="bold red"), soft_wrap=True)
