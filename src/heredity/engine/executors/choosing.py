"""From an executor's name to the executor; what it cannot do is refused instead of being ignored."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Literal

from heredity.engine.executors.base import Executor
from heredity.engine.executors.inline import InlineExecutor
from heredity.engine.executors.limits import Resources
from heredity.engine.executors.processes import ProcessExecutor
from heredity.engine.function import FunctionReference, TrialFunction
from heredity.errors import ConfigError

ExecutorName = Literal["inline", "processes", "ray"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSettings:
    """What an executor is to keep to."""

    concurrency: int
    """Attempts at a time."""
    time_limit_seconds: float | None = None
    resources: Resources = field(default_factory=Resources)
    ray_address: str | None = None
    """Of the cluster, for Ray."""


def executor_named(name: ExecutorName, function: TrialFunction, settings: ExecutorSettings) -> Executor:
    """Make an executor.

    Raises:
        ConfigError: It cannot do what the settings ask for, or is not installed.
    """
    resources = settings.resources
    if name != "ray" and (settings.ray_address is not None or resources.custom):
        raise ConfigError(f"An address and named resources are for executor 'ray', not for {name!r}.")
    if name == "inline":
        if resources != Resources():
            raise ConfigError(
                "Executor 'inline' runs trials in the driver's own process, which has all of the machine.",
                hint="Leave the resources out, or use executor 'processes'.",
            )
        return InlineExecutor(function)
    assert isinstance(function, FunctionReference), "only 'inline' is given a held function"  # noqa: S101
    if name == "ray":
        return _ray_executor(function, settings)
    executor = ProcessExecutor(function, time_limit_seconds=settings.time_limit_seconds, resources=resources)
    if executor.capacity is not None and executor.capacity < settings.concurrency:
        raise ConfigError(
            f"concurrency: this machine has cores and accelerators for {executor.capacity} trials at a time, "
            f"not for {settings.concurrency}.",
            hint="Lower concurrency, or what an attempt gets; a fraction of `gpus` shares one.",
        )
    return executor


def _ray_executor(function: FunctionReference, settings: ExecutorSettings) -> Executor:
    try:
        on_ray = importlib.import_module("heredity.engine.executors.on_ray")
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise ConfigError("Executor 'ray' needs Ray.", hint="pip install 'heredity[ray]'") from error
    executor: Executor = on_ray.RayExecutor(
        function,
        address=settings.ray_address,
        time_limit_seconds=settings.time_limit_seconds,
        resources=settings.resources,
    )
    return executor
