"""The way to a Ray cluster, and what must hold on each of its machines before the first trial."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError, TaskUnschedulableError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from heredity.engine.executors.limits import Resources
from heredity.engine.function import FunctionReference
from heredity.engine.trials.worker import problem_of
from heredity.errors import ConfigError, HeredityError
from heredity.store import open_store

KEEPALIVE = {
    "RAY_grpc_client_keepalive_time_ms": "10000",
    "RAY_grpc_client_keepalive_timeout_ms": "10000",
}
"""With Ray's defaults, a call to a machine that has silently vanished fails after seven minutes."""

_CHECK_SECONDS = 120.0
"""For all machines to answer; the user's module, and torch, are imported meanwhile."""


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster."""

    id: str
    name: str
    resources: Mapping[str, float]


def connect(address: str | None) -> bool:
    """Join a cluster or start one. False if this process is connected already; then it stays so.

    Raises:
        ConfigError: There is no cluster at the address, or it does not let us in.
    """
    if ray.is_initialized():
        return False
    for name, value in KEEPALIVE.items():
        os.environ.setdefault(name, value)  # Ray reads its settings from there, as do the processes it starts
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
    if address is None or not address.startswith("ray://"):
        settings["include_dashboard"] = False
    try:
        ray.init(address, **settings)
    except (ConnectionError, RayError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"Ray, address {address!r}: {error}",
            hint="Start a cluster with `ray start --head`, or leave the address out to run on this machine.",
        ) from error
    return True


def nodes() -> list[Node]:
    """The machines that are there."""
    return [
        Node(
            each["NodeID"], f"{each['NodeManagerHostname']} ({each['NodeManagerAddress']})", each["Resources"]
        )
        for each in ray.nodes()  # type: ignore[no-untyped-call]  # has no annotations
        if each["Alive"]
    ]


def demand(resources: Resources) -> dict[str, float]:
    """What an attempt takes of a machine, under Ray's names."""
    wanted = {
        "CPU": float(resources.cores or 1),
        "GPU": resources.gpus_of_attempt,
        "memory": float(resources.memory_limit_bytes or 0),
        **resources.custom,
    }
    return {name: amount for name, amount in wanted.items() if amount}


def check_demand(wanted: Mapping[str, float], *, may_grow: bool) -> None:
    """See that some machine has what an attempt takes.

    Raises:
        ConfigError: None has, and the cluster may not grow.
    """
    machines = nodes()
    if any(
        all(machine.resources.get(name, 0) >= amount for name, amount in wanted.items())
        for machine in machines
    ):
        return
    asked = ", ".join(f"{name} {amount:g}" for name, amount in wanted.items())
    have = "; ".join(
        f"{machine.name}: {', '.join(f'{name} {machine.resources.get(name, 0):g}' for name in wanted)}"
        for machine in machines
    )
    problem = f"No machine of the Ray cluster has what an attempt takes ({asked}). There are {have}."
    if not may_grow:
        raise ConfigError(
            problem, hint="Ask for less, or name the address of a cluster to which such machines may come."
        )
    warnings.warn(f"{problem} The trials wait until one comes.", stacklevel=2)


# --- checks on each machine --------------------------------------------------------------------------------


def check_function(function: FunctionReference) -> None:
    """See that every machine can load the trial function, and that it is the same one.

    Raises:
        ConfigError: Some cannot; the message names them.
    """
    digest = _digest_of(function)
    # In a process that ends then: it has imported the user's module.
    problems = _ask_each(_problem_of_function, function, digest, socket.gethostname(), max_calls=1)
    if problems:
        raise ConfigError(
            "\n".join(problems),
            hint="Keep the code in a folder that all machines see, install it on each, or let Ray carry it: "
            "`ray job submit --working-dir . -- heredity run experiment.yml --executor ray`.",
        )


def check_store(store_url: str) -> str:
    """See that every machine reaches the store; returns the store's own name.

    Raises:
        ConfigError: Some do not; the message names them.
    """
    store_id = open_store(store_url, create=False).store_id
    problems = _ask_each(_problem_of_store, store_url, store_id)
    if problems:
        raise ConfigError(
            "\n".join(problems),
            hint="Name a directory that all machines see under the same path, such as one on NFS, "
            "or an object store, such as s3://bucket/prefix.",
        )
    return str(store_id)


def _ask_each(question: Callable[..., str], *arguments: object, max_calls: int = 0) -> list[str]:
    """Ask every machine at the same time; what they complain of, with their names."""
    machines = nodes()
    task = ray.remote(max_calls=max_calls, max_retries=0)(question)
    answers = [
        task.options(
            num_cpus=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(machine.id, soft=False),
        ).remote(*arguments)
        for machine in machines
    ]
    ray.wait(answers, num_returns=len(answers), timeout=_CHECK_SECONDS)
    told = [(machine, _answer(answer)) for machine, answer in zip(machines, answers, strict=True)]
    return [f"{machine.name}: {problem}" for machine, problem in told if problem]


def _answer(answer: Any) -> str:  # noqa: ANN401  # a reference to a text
    try:
        return str(ray.get(answer, timeout=0.1))
    except GetTimeoutError:
        return f"no answer within {_CHECK_SECONDS:g} seconds"
    except TaskUnschedulableError:
        return ""  # it has gone meanwhile: nothing will run there
    except RayTaskError as error:
        return f"cannot run tasks of this package; is it installed there?\n{error}"
    except RayError as error:
        return str(error).strip() or type(error).__name__


def _digest_of(function: FunctionReference) -> str:
    if function.folder is None:
        return ""
    try:
        code = Path(function.folder, f"{function.module}.py").read_bytes()
    except OSError:
        return ""  # whoever loads the function will say so
    return hashlib.blake2b(code, digest_size=16).hexdigest()


def _problem_of_function(function: FunctionReference, digest: str, driver: str) -> str:
    problem = problem_of(function)
    if not problem and digest and _digest_of(function) != digest:
        return f"function {str(function)!r}: {function.folder} has another version of it than {driver}"
    return problem


def _problem_of_store(store_url: str, store_id: str) -> str:
    try:
        found = open_store(store_url, create=False).store_id
    except HeredityError as error:
        return f"store {store_url}: {error.message}"
    return "" if found == store_id else f"store {store_url}: is another store there"
