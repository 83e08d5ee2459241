"""`heredity run` and `heredity resume`: the commands that start trials."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import click

from heredity.cli.completing.names import PLACE
from heredity.cli.main import EXIT_FAILED, EXIT_INTERRUPTED
from heredity.cli.output import console, json_option, print_json
from heredity.cli.results import outcome_json, print_mirrors
from heredity.cli.shell.options import examples, is_quiet, quiet_option
from heredity.cli.trials.live import live_view
from heredity.cli.trials.report import print_report
from heredity.cli.values import outcome_to_json, trial_to_json
from heredity.engine import Experiment
from heredity.engine.directory import JOURNAL_NAME
from heredity.engine.executors import ExecutorName
from heredity.engine.files.experiment_file import load_experiment, load_snapshot, read_snapshot
from heredity.engine.files.yaml_source import read_yaml
from heredity.experiment import ExperimentState, TrialState, outcomes
from heredity.journal import take_from_dead_driver
from heredity.nni import is_nni_file, load_nni_experiment, load_nni_snapshot


def executor_options(command: Callable[..., None]) -> Callable[..., None]:
    """Where the trials run, for commands that start some."""
    executor = click.option(
        "--executor", type=click.Choice(get_args(ExecutorName)), help="Where the trials run."
    )
    address = click.option(
        "--ray-address", help="Of a Ray cluster: 'auto', 'ray://HOST:PORT', or 'local' for one of its own."
    )
    return executor(address(command))


@click.command(
    epilog=examples(
        "heredity run experiment.yml",
        "heredity run experiment.yml --directory runs/today --json > result.json",
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    help="Where the journal and the logs go; by default runs/NAME/NUMBER, with the next free number.",
)
@click.option(
    "--first-parameter-id",
    type=click.IntRange(min=0),
    help="Of an NNI config file: the id of the first trial; 0 by default, as in NNI.",
)
@executor_options
@json_option
@quiet_option
def run(  # one for each option
    file: Path,
    directory: Path | None,
    first_parameter_id: int | None,
    executor: ExecutorName | None,
    ray_address: str | None,
    *,
    as_json: bool,
) -> None:
    """Run an experiment from a file, one of ours or an NNI config file.

    Everything that can be checked is checked before the first trial. Ctrl-C ends in order, twice at once;
    go on with `heredity resume`.
    """
    experiment = _load(file, first_parameter_id, is_on_ray=executor == "ray")
    experiment.directory = directory
    _go(_on(experiment, executor, ray_address), resume=False, as_json=as_json)


@click.command(epilog=examples("heredity resume runs/search/001"))
@click.argument("place", metavar="DIRECTORY", type=PLACE)
@click.option(
    "--driver-is-gone",
    is_flag=True,
    help="Its machine is gone for good: do not wait for its lock, which NFS version 3 keeps for ever.",
)
@executor_options
@json_option
@quiet_option
def resume(
    place: str,
    executor: ExecutorName | None,
    ray_address: str | None,
    *,
    driver_is_gone: bool,
    as_json: bool,
) -> None:
    """Go on with an experiment whose driver has ended.

    What was completed stays; what ran when the driver went away is started again, with a new attempt number.
    """
    directory = Path(place)
    source, _ = read_snapshot(directory)
    experiment = (
        load_nni_snapshot(directory).experiment if is_nni_file(source.value) else load_snapshot(directory)
    )
    if driver_is_gone:
        take_from_dead_driver(directory / JOURNAL_NAME)
    _go(_on(experiment, executor, ray_address), resume=True, as_json=as_json)


def _load(file: Path, first_parameter_id: int | None, *, is_on_ray: bool) -> Experiment:
    if is_nni_file(read_yaml(file).value):
        loaded = load_nni_experiment(file, first_parameter_id=first_parameter_id, is_on_ray=is_on_ray)
        if not is_quiet():
            click.echo(f"{file} is an NNI config file. This is how it was read:", err=True)
            for note in loaded.notes:
                click.echo(f"  {note}", err=True)
        return loaded.experiment
    if first_parameter_id is not None:
        raise click.UsageError("--first-parameter-id is for NNI config files.")
    return load_experiment(file)


def _on(experiment: Experiment, executor: ExecutorName | None, ray_address: str | None) -> Experiment:
    if executor is not None:
        experiment.executor = executor
    if ray_address is not None:
        experiment.ray_address = ray_address
    return experiment


def _go(experiment: Experiment, *, resume: bool, as_json: bool) -> None:
    screen = console()
    if as_json:
        state = experiment.resume() if resume else experiment.run()
        print_json(
            {
                "directory": str(experiment.directory),
                "trials": [trial_to_json(record) for record in state.trials.values()],
                "outcomes": [outcome_to_json(outcome) for outcome in outcomes(state)],
                "mirrors": [outcome_json(outcome) for outcome in experiment.mirror_outcomes],
            }
        )
    elif is_quiet():
        state = experiment.resume() if resume else experiment.run()
    else:
        with live_view(screen) as observer:
            experiment.observers.append(observer)
            state = experiment.resume() if resume else experiment.run()
        print_report(screen, state, Path(str(experiment.directory)), experiment.store_url())
        print_mirrors(screen, experiment.mirror_outcomes)
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
