"""An experiment from an NNI config file: translated, with its tuner loaded, to be run or resumed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from heredity.encoding import Json
from heredity.engine import Budget, Experiment
from heredity.engine.directory import JOURNAL_NAME, Source
from heredity.engine.executors import Resources
from heredity.engine.files.experiment_file import read_snapshot
from heredity.engine.files.yaml_source import YamlSource, parse_yaml, read_yaml
from heredity.engine.function import FunctionReference
from heredity.experiment import TrialResult
from heredity.experiment import events as happened
from heredity.journal import replay
from heredity.nni.built_in import stopper_of, strategy_of
from heredity.nni.duration import UntilDuration
from heredity.nni.reading import ClassSpec, NniFile, read_nni
from heredity.nni.trials import final_results, run_nni_trial
from heredity.nni.tuner import Recorded, TunerRules, TunerStrategy, load_tuner
from heredity.nni.tuner.calls import InTurn
from heredity.nni.tuner.strategy import PATIENCE_SECONDS
from heredity.nni.tuner.threads import InThreads
from heredity.strategies import Proposal, Strategy


@dataclass(frozen=True, slots=True)
class NniExperiment:
    """An experiment, and how its file was understood."""

    experiment: Experiment
    notes: tuple[str, ...]


def load_nni_experiment(path: Path, *, first_parameter_id: int | None = None) -> NniExperiment:
    """Read a config file; check all that can be checked, and make its tuner.

    Args:
        path: The file.
        first_parameter_id: The id of the first trial; by default what the file says, else 0.

    Raises:
        ConfigError: Something is wrong; the message has the line.
    """
    source = read_yaml(path)
    if first_parameter_id is not None:
        # Into the text, so that a resumption has it too.
        text = f"{source.text.rstrip()}\nheredity: {{firstParameterId: {first_parameter_id}}}\n"
        source = parse_yaml(text, path)
    folder = path.resolve().parent
    loaded = _loaded(source, folder, recorded=())
    loaded.experiment.source = Source(folder, source.text)
    return loaded


def load_nni_snapshot(directory: Path) -> NniExperiment:
    """Read back the experiment that runs in a directory, with what its tuner has proposed.

    Raises:
        ConfigError: The directory holds no such experiment.
    """
    source, folder = read_snapshot(directory)
    loaded = _loaded(source, folder, recorded=_recorded(directory / JOURNAL_NAME))
    loaded.experiment.directory = directory
    return loaded


def _recorded(journal: Path) -> tuple[Recorded, ...]:
    recorded = []
    for event in replay(journal):
        if isinstance(event, happened.TrialProposed):
            proposal = Proposal(event.trial, event.parameters, parents=event.parents, info=event.info)
            recorded.append(Recorded(proposal))
        elif isinstance(event, happened.StrategyExhausted):
            recorded.append(Recorded(None))
    return tuple(recorded)


def _loaded(source: YamlSource, folder: Path, *, recorded: tuple[Recorded, ...]) -> NniExperiment:
    file = read_nni(source, folder)
    command = file.text("trialCommand")
    if not command:
        raise file.fault("trialCommand", "expected each trial's command, got none")
    code = file.directory("trialCodeDirectory")
    concurrency = file.integer("trialConcurrency", 1, at_least=1) or 1
    max_trials = file.integer("maxTrialNumber", None, at_least=1)
    seed = file.integer("heredity.seed", 0, at_least=0) or 0
    spec = _chosen(file)
    directory = _Directory()
    experiment = Experiment(
        train=FunctionReference(
            run_nni_trial.__module__, run_nni_trial.__name__, arguments=(command, str(code))
        ),
        name=file.name(),
        strategy=(
            _built_in(file, spec, seed=seed, recorded=recorded)
            if spec.name
            else _tuner(file, spec, seed=seed, recorded=recorded, directory=directory)
        ),
        stopper=stopper_of(file, file.class_spec("assessor")),
        seed=seed,
        budget=Budget(
            concurrency=concurrency,
            max_trials=max_trials,
            time_limit_seconds=file.seconds("maxTrialDuration"),
        ),
        resources=Resources(gpus=file.integer("trialGpuNumber", None, at_least=0) or None),
        direction=_direction(spec),
    )
    directory.experiment = experiment
    return NniExperiment(experiment, tuple(file.notes))


class _Directory:
    """Finds trials' results in the experiment's directory, which is known when it runs."""

    experiment: Experiment | None = None

    def results(self, result: TrialResult) -> list[Json]:
        """The trial's final results."""
        assert self.experiment is not None  # noqa: S101  # set before anything runs
        return final_results(Path(str(self.experiment.directory)), result)


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
    file: NniFile, spec: ClassSpec, *, seed: int, recorded: tuple[Recorded, ...], directory: _Directory
) -> Strategy:
    tuner = load_tuner(spec.module, spec.class_name, folder=spec.folder, arguments=spec.arguments, seed=seed)
    tuner.update_search_space(file.search_space())
    rules = TunerRules(
        concurrency=file.integer("trialConcurrency", 1, at_least=1) or 1,
        max_trials=file.integer("maxTrialNumber", None, at_least=1),
        first_parameter_id=file.integer("heredity.firstParameterId", 0, at_least=0) or 0,
        time_limit_seconds=file.seconds("maxExperimentDuration"),
        patience_seconds=file.seconds("heredity.patienceSeconds") or PATIENCE_SECONDS,
    )
    calls = InThreads(tuner) if file.flag("multiThread") else InTurn(tuner)
    return TunerStrategy(calls, rules=rules, results=directory.results, recorded=recorded)


def _direction(spec: ClassSpec) -> Literal["maximize", "minimize"]:
    return "minimize" if spec.arguments.get("optimize_mode") == "minimize" else "maximize"
