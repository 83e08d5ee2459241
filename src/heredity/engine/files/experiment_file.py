"""An experiment from a file: every fault is found, and named with its line, before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from heredity.encoding import decode
from heredity.engine.directory import SNAPSHOT_NAME, SNAPSHOT_VERSION, Source
from heredity.engine.executors import ExecutorName, Resources
from heredity.engine.experiment import Budget, Experiment
from heredity.engine.files.advisers import AdviserReader
from heredity.engine.files.checked import Number, Strict, checked, line_of_fault, located
from heredity.engine.files.signatures import Misplaced, advice
from heredity.engine.files.yaml_source import YamlSource, parse_yaml, read_yaml
from heredity.engine.function import FunctionReference, parse_function_reference
from heredity.engine.programs import Program
from heredity.errors import ConfigError
from heredity.ids import parse_experiment_id
from heredity.space import Space, read_space

Direction = Literal["maximize", "minimize"]


class _Resources(Strict):
    cores: int | None = None
    gpus: Number | None = None
    devices: list[str] = Field(default=[])
    memory_limit_bytes: int | None = None
    log_limit_bytes: int | None = None
    custom: dict[str, Number] = Field(default={})


def _words(value: Any) -> Any:  # noqa: ANN401  # whatever stands in the file
    words = value if isinstance(value, list) else [value]
    for word in words if value is not None else ():
        if not isinstance(word, str):
            problem = f"expected a text or a list of texts, got {word!r:.60}; put it in quotes"
            raise ValueError(problem)  # noqa: TRY004  # pydantic collects these
    return value


class _ExperimentFile(Strict):
    name: str
    function: str | None = None
    command: Annotated[Any, BeforeValidator(_words)] = None
    seed: int
    concurrency: Annotated[int, Field(ge=1)]
    executor: ExecutorName = "processes"
    resources: _Resources = _Resources()
    ray_address: str | None = None
    store: str | None = None
    max_trials: Annotated[int, Field(ge=1)] | None = None
    time_limit_seconds: Annotated[Number, Field(gt=0)] | None = None
    max_retries: Annotated[int, Field(ge=0)] = 2
    retry_delay_seconds: Annotated[Number, Field(ge=0)] = 1.0
    min_coverage: Annotated[Number, Field(ge=0, le=1)] = 0.01
    space: dict[str, Any] = Field(default={})
    direction: Direction | None = None
    objectives: Annotated[dict[str, Direction], Field(min_length=1)] | None = None
    on_parent_failure: Literal["fail", "reparent", "release"] = "fail"
    strategy: Any
    stopper: Any = None
    mirrors: list[Any] = Field(default=[])

    @model_validator(mode="after")
    def _one_direction(self) -> _ExperimentFile:
        if self.direction is not None and self.objectives is not None:
            raise ValueError("expected 'direction' or 'objectives', got both")
        return self

    @model_validator(mode="after")
    def _one_way_to_train(self) -> _ExperimentFile:
        if (self.function is None) == (self.command is None):
            got = "neither" if self.function is None else "both"
            raise ValueError(f"expected 'function' or 'command', got {got}")
        return self


def load_experiment(path: Path) -> Experiment:
    """Read an experiment file; check all that can be checked without running anything.

    Raises:
        ConfigError: Something is wrong. The message holds one line a fault: file, line, what was expected,
            what came, and the nearest valid key.
    """
    source = read_yaml(path)
    folder = path.resolve().parent
    experiment = _experiment(source, folder)
    experiment.source = Source(folder, source.text)
    return experiment


def load_snapshot(directory: Path) -> Experiment:
    """Read back the experiment that runs in a directory.

    Raises:
        ConfigError: The directory holds no experiment that was begun from a file.
    """
    experiment = _experiment(*read_snapshot(directory))
    experiment.directory = directory
    return experiment


def read_snapshot(directory: Path) -> tuple[YamlSource, Path]:
    """Read the file that an experiment was begun from, as it was then, and the folder that it lay in.

    Raises:
        ConfigError: The directory holds no experiment that was begun from a file.
    """
    path = directory / SNAPSHOT_NAME
    try:
        snapshot = decode(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}.",
            hint="`heredity resume` takes the directory of an experiment that `heredity run` began; "
            "one that was begun from Python goes on by `Experiment.resume()`.",
        ) from error
    except ValueError as error:
        raise ConfigError(f"{path}: damaged: {error}.") from error
    match snapshot:
        case {"version": 1, "folder": str(folder), "text": str(text)}:
            return parse_yaml(text, path), Path(directory, folder)
        case _:
            raise ConfigError(f"{path}: expected a snapshot of version {SNAPSHOT_VERSION}.")


def _experiment(source: YamlSource, folder: Path) -> Experiment:
    file = checked(_ExperimentFile, source.value, source=source)
    with located(source, ("name",)):
        name = parse_experiment_id(file.name)
    with located(source, ("resources",)):
        resources = Resources(**{**file.resources.model_dump(), "devices": tuple(file.resources.devices)})
    space = _space(file, source)
    advisers = AdviserReader(source=source, folder=folder, seed=file.seed, space=space)
    return Experiment(
        train=_train(file, source, folder, space),
        name=name,
        strategy=advisers.strategy(file.strategy, ("strategy",)),
        stopper=None if file.stopper is None else advisers.stopper(file.stopper, ("stopper",)),
        mirrors=[advisers.mirror(mirror, ("mirrors", i)) for i, mirror in enumerate(file.mirrors)],
        seed=file.seed,
        budget=Budget(
            concurrency=file.concurrency,
            max_trials=file.max_trials,
            time_limit_seconds=file.time_limit_seconds,
            max_retries=file.max_retries,
            retry_delay_seconds=file.retry_delay_seconds,
            min_coverage=file.min_coverage,
        ),
        store=_store_url(file.store, folder),
        executor=file.executor,
        resources=resources,
        ray_address=file.ray_address,
        direction=file.direction or "maximize",
        objectives=file.objectives,
        on_parent_failure=file.on_parent_failure,
    )


def _train(
    file: _ExperimentFile, source: YamlSource, folder: Path, space: Space | None
) -> FunctionReference | Program:
    if file.function is not None:
        with located(source, ("function",)):
            return parse_function_reference(file.function, folder=folder)
    with located(source, ("command",)):
        program = Program(file.command or "", folder)
        names = sorted(program.names())
        known = names if space is None else list(space.dimensions)
        for name in names:
            if name not in known:
                problem = f"{{{name}}} is no hyperparameter of the space; {advice(name, known)}"
                raise Misplaced(("command",), problem)
        program.reference()
        return program


def _store_url(store: str | None, folder: Path) -> str | None:
    if store is None or "://" in store:
        return store
    return str(folder / store)


def _space(file: _ExperimentFile, source: YamlSource) -> Space | None:
    if not file.space:
        return None
    space, faults = read_space(file.space)
    if space is None:
        lines = [line_of_fault(source, ("space", *fault.path), fault.message) for fault in faults]
        raise ConfigError("\n".join(lines))
    return space
