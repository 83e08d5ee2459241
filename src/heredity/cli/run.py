"""`heredity run` and `heredity resume`: the commands that start trials."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from heredity.cli.main import EXIT_FAILED, EXIT_INTERRUPTED
from heredity.cli.output import console, json_option, print_json
from heredity.cli.trials.live import live_view
from heredity.cli.trials.report import print_report
from heredity.cli.values import outcome_to_json, trial_to_json
from heredity.engine import Experiment
from heredity.engine.files.experiment_file import load_experiment, load_snapshot
from heredity.experiment import ExperimentState, TrialState, outcomes


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    help="Where the journal and the logs go; by default runs/NAME/NUMBER, with the next free number.",
)
@click.option("--executor", type=click.Choice(["processes", "inline"]), help="Where the trials run.")
@json_option
def run(file: Path, directory: Path | None, executor: str | None, *, as_json: bool) -> None:
    """Run an experiment from a file.

    Everything that can be checked is checked before the first trial. Ctrl-C ends in order, twice at once;
    go on with `heredity resume`.
    """
    experiment = load_experiment(file)
    experiment.directory = directory
    if executor is not None:
        experiment.executor = "inline" if executor == "inline" else "processes"
    _go(experiment, resume=False, as_json=as_json)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@json_option
def resume(directory: Path, *, as_json: bool) -> None:
    """Go on with an experiment whose driver has ended.

    What was completed stays; what ran when the driver went away is started again, with a new attempt number.
    """
    _go(load_snapshot(directory), resume=True, as_json=as_json)


def _go(experiment: Experiment, *, resume: bool, as_json: bool) -> None:
    screen = console()
    if as_json:
        state = experiment.resume() if resume else experiment.run()
        print_json(
            {
                "directory": str(experiment.directory),
                "trials": [trial_to_json(record) for record in state.trials.values()],
                "outcomes": [outcome_to_json(outcome) for outcome in outcomes(state)],
            }
        )
    else:
        with live_view(screen) as observer:
            experiment.observers.append(observer)
            state = experiment.resume() if resume else experiment.run()
        print_report(screen, state, Path(str(experiment.directory)), experiment.store_url())
    sys.exit(_exit_code(state, experiment))


def _exit_code(state: ExperimentState, experiment: Experiment) -> int:
    if state.is_interrupted:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a third Ctrl-C must not spoil the exit code
        click.echo(f"interrupted; go on with: heredity resume {experiment.directory}", err=True)
        return EXIT_INTERRUPTED
    failed = [record.id for record in state.trials.values() if record.state is TrialState.FAILED]
    if failed:
        click.echo(f"failed: {', '.join(failed)}; see `heredity show {experiment.directory} TRIAL`", err=True)
        return EXIT_FAILED
    return 0
