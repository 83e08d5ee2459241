"""An experiment from an NNI config file: translated, with its tuner loaded, to be run or resumed."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from heredity.encoding import Json
from heredity.engine import Budget, Experiment
from heredity.engine.directory import JOURNAL_NAME, Source
from heredity.engine.executors import Resources
from heredity.engine.files.experiment_file import read_snapshot
from heredity.engine.files.yaml_source import YamlSource, read_yaml
from heredity.engine.function import FunctionReference
from heredity.experiment import events as happened
from heredity.journal import replay
from heredity.nni.built_in import POPULATIONS, stopper_of, strategy_of
from heredity.nni.duration import UntilDuration
from heredity.nni.kept import with_fields, without_passwords
from heredity.nni.reading import ClassSpec, NniFile, read_nni
from heredity.nni.reports import TrialReports
from heredity.nni.trials import TrialProgram, run_nni_trial
from heredity.nni.tuner import (
    AssessorStopper,
    Recorded,
    TunerRules,
    TunerStrategy,
    load_assessor,
    load_tuner,
)
from heredity.nni.tuner.calls import InTurn
from heredity.nni.tuner.strategy import PATIENCE_SECONDS
from heredity.nni.tuner.threads import InThreads
from heredity.strategies import Proposal, Stopper, Strategy

NUM_ID_LETTERS = 8


@dataclass(frozen=True, slots=True)
class NniExperiment:
    """An experiment, and how its file was understood."""

    experiment: Experiment
    notes: tuple[str, ...]


def load_nni_experiment(
    path: Path, *, first_parameter_id: int | None = None, is_on_ray: bool = False
) -> NniExperiment:
    """Read a config file; check all that can be checked, and make its tuner.

    Args:
        path: The file.
        first_parameter_id: The id of the first trial; by default what the file says, else 0.
        is_on_ray: Whether its trials run on a Ray cluster; only so may it be for several machines.

    Raises:
        ConfigError: Something is wrong; the message has the line.
    """
    source = read_yaml(path)
    chosen: dict[str, Json] = {}
    if first_parameter_id is not None:
        chosen["heredity.firstParameterId"] = first_parameter_id
    if read_nni(source, path.parent, is_on_ray=is_on_ray).get("heredity.experimentId") is None:
        chosen["heredity.experimentId"] = _drawn_id()
    source = with_fields(source, chosen)
    folder = path.resolve().parent
    loaded = _loaded(source, folder, recorded=(), is_on_ray=is_on_ray)
    # What was chosen goes into the text, so that a resumption has it too.
    loaded.experiment.source = Source(folder, without_passwords(source.text))
    return loaded


def load_nni_snapshot(directory: Path) -> NniExperiment:
    """Read back the experiment that runs in a directory, with what its tuner has proposed.

    Raises:
        ConfigError: The directory holds no such experiment.
    """
    source, folder = read_snapshot(directory)
    journal = directory / JOURNAL_NAME
    loaded = _loaded(source, folder, recorded=_recorded(journal), journal=journal, is_on_ray=True)
    loaded.experiment.directory = directory
    return loaded


def _drawn_id() -> str:
    """A name for one run, as long as NNI's. Not by the experiment's seed: two runs of a file differ in it."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(NUM_ID_LETTERS))


def _recorded(journal: Path) -> tuple[Recorded, ...]:
    recorded = []
    for event in replay(journal):
        if isinstance(event, happened.TrialProposed):
            proposal = Proposal(event.trial, event.parameters, parents=event.parents, info=event.info)
            recorded.append(Recorded(proposal))
        elif isinstance(event, happened.StrategyExhausted):
            recorded.append(Recorded(None))
    return tuple(recorded)


def _loaded(
    source: YamlSource,
    folder: Path,
    *,
    recorded: tuple[Recorded, ...],
    journal: Path | None = None,
    is_on_ray: bool,
) -> NniExperiment:
    file = read_nni(source, folder, is_on_ray=is_on_ray)
    spec, assessor = _chosen(file), file.class_spec("assessor")
    has_assessor = assessor is not None and not assessor.name
    reports = TrialReports(is_judged=has_assessor)
    if journal is not None:
        reports.take_recorded(journal)
    seed = file.integer("heredity.seed", 0, at_least=0) or 0
    is_heard = has_assessor or not spec.name
    experiment = Experiment(
        train=FunctionReference(
            run_nni_trial.__module__,
            run_nni_trial.__name__,
            arguments=_program(file, spec, is_heard=is_heard).arguments(),
        ),
        name=file.name(),
        strategy=(
            _built_in(file, spec, seed=seed, recorded=recorded)
            if spec.name
            else _tuner(file, spec, seed=seed, recorded=recorded, reports=reports)
        ),
        stopper=_stopper(file, assessor, reports),
        seed=seed,
        budget=_budget(file),
        resources=Resources(gpus=file.integer("trialGpuNumber", None, at_least=0) or None),
        direction=_direction(spec),
        executor="ray" if file.is_remote else "processes",
        observers=[reports.observe] if is_heard else [],
    )
    reports.experiment = experiment
    return NniExperiment(experiment, tuple(file.notes))


def _program(file: NniFile, spec: ClassSpec, *, is_heard: bool) -> TrialProgram:
    command = file.text("trialCommand")
    if not command:
        raise file.fault("trialCommand", "expected each trial's command, got none")
    code = file.directory("trialCodeDirectory")
    return TrialProgram(
        command,
        str(code),
        file.text("heredity.experimentId") or file.name(),
        is_heard,
        carries_files=spec.name in POPULATIONS,
    )


def _budget(file: NniFile) -> Budget:
    return Budget(
        concurrency=file.integer("trialConcurrency", 1, at_least=1) or 1,
        max_trials=file.integer("maxTrialNumber", None, at_least=1),
        time_limit_seconds=file.seconds("maxTrialDuration"),
    )


def _stopper(file: NniFile, spec: ClassSpec | None, reports: TrialReports) -> Stopper | None:
    if spec is None or spec.name:
        return stopper_of(file, spec)
    assessor = load_assessor(spec.module, spec.class_name, folder=spec.folder, arguments=spec.arguments)
    return AssessorStopper(assessor, results=reports)


def _chosen(file: NniFile) -> ClassSpec:
    tuner, advisor = file.class_spec("tuner"), file.class_spec("advisor")
    if (tuner is None) == (advisor is None):
        raise file.fault(
            "tuner", f"expected a tuner or an advisor, got {'none' if tuner is None else 'both'}"
        )
    if advisor is not None and not advisor.name:
        raise file.fault("advisor.className", "advisors of one's own are not run; derive it from Tuner")
    chosen = tuner or advisor
    assert chosen is not None  # noqa: S101  # one of them is there
    return chosen


def _built_in(file: NniFile, spec: ClassSpec, *, seed: int, recorded: tuple[Recorded, ...]) -> Strategy:
    strategy, seconds = strategy_of(file, spec, seed=seed), file.seconds("maxExperimentDuration")
    file.flag("multiThread")  # it makes no difference, but it must be readable
    return strategy if seconds is None else UntilDuration(strategy, seconds, recorded=recorded)


def _tuner(
    file: NniFile, spec: ClassSpec, *, seed: int, recorded: tuple[Recorded, ...], reports: TrialReports
) -> Strategy:
    tuner = load_tuner(spec.module, spec.class_name, folder=spec.folder, arguments=spec.arguments, seed=seed)
    tuner.update_search_space(file.search_space())
    rules = TunerRules(
        concurrency=file.integer("trialConcurrency", 1, at_least=1) or 1,
        max_trials=file.integer("maxTrialNumber", None, at_least=1),
        first_parameter_id=file.integer("heredity.firstParameterId", 0, at_least=0) or 0,
        time_limit_seconds=file.seconds("maxExperimentDuration"),
        patience_seconds=file.seconds("heredity.patienceSeconds") or PATIENCE_SECONDS,
        results_at_end=file.flag("heredity.resultsAtEnd"),
    )
    calls = InThreads(tuner) if file.flag("multiThread") else InTurn(tuner)
    return TunerStrategy(calls, rules=rules, results=reports, recorded=recorded)


def _direction(spec: ClassSpec) -> Literal["maximize", "minimize"]:
    return "minimize" if spec.arguments.get("optimize_mode") == "minimize" else "maximize"
