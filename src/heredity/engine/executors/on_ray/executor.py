"""Trials on a Ray cluster: Ray finds a machine for each attempt and says when it is lost."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from heredity import encoding
from heredity.engine.executors.base import LAST_EVENTS, Capabilities, not_open
from heredity.engine.executors.limits import Resources
from heredity.engine.executors.on_ray import cluster
from heredity.engine.executors.on_ray.errand import Errand
from heredity.engine.executors.on_ray.losses import end_of, lost
from heredity.engine.executors.on_ray.mailbox import Mailbox
from heredity.engine.executors.on_ray.supervisor import supervise
from heredity.engine.function import FunctionReference
from heredity.engine.trials import Emit, TrialOrder
from heredity.errors import ConfigError
from heredity.experiment import events as happened
from heredity.experiment.event_json import event_from_json
from heredity.ids import TrialId

SILENCE_SECONDS = 40.0
"""A machine of which nothing is heard for so long is lost, whatever Ray thinks of it."""

KILL_GRACE_SECONDS = 5.0
"""For Ray to say that an attempt was killed; its machine may be the one that cannot be reached."""

_POLL_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class _Attempt:
    order: TrialOrder
    task: Any  # a reference to what the task returns; has no type
    node_id: str = ""
    host: str = ""
    is_interrupted: bool = False
    give_up_at: float | None = None


@dataclass(slots=True)
class _Post:
    """The mailbox, and the look into it that is under way."""

    box: Any  # an actor's handle has no type
    look: Any = field(init=False)

    def __post_init__(self) -> None:
        self.look_again()

    def look_again(self) -> None:
        self.look = self.box.collect.remote(_POLL_SECONDS)


class RayExecutor:
    """One Ray task an attempt, which runs it in a process of its own.

    Args:
        function: The trial function.
        address: Of a running cluster, such as ``auto`` or ``ray://host:10001``; ``local`` for one of our own,
            on this machine. None: what Ray finds, else one of our own.
        time_limit_seconds: After it, an attempt is ended and has failed; None sets no limit.
        resources: What an attempt takes of its machine.
        silence_seconds: How long a machine may be silent before its attempts are lost.

    Raises:
        ConfigError: The resources are not for Ray.
    """

    capabilities = Capabilities(
        isolates=True, runs_side_by_side=True, limits=frozenset({"time", "memory", "log"})
    )

    def __init__(
        self,
        function: FunctionReference,
        *,
        address: str | None = None,
        time_limit_seconds: float | None = None,
        resources: Resources | None = None,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._function = function
        self._address = address
        self._time_limit_seconds = time_limit_seconds
        self._resources = resources or Resources()
        self._silence_seconds = silence_seconds
        self._attempts: dict[str, _Attempt] = {}
        self._silent_nodes: set[str] = set()
        self._store_id = ""
        self._is_ours = False
        self._post: _Post | None = None
        self._emit: Emit = not_open
        if self._resources.devices:
            raise ConfigError(
                "devices: Ray chooses the accelerators itself.", hint="Say how many: `gpus` an attempt."
            )

    # --- the interface -------------------------------------------------------------------------------------

    def open(self, emit: Emit) -> None:
        """See `Executor.open`. Joins the cluster, or starts one."""
        self._is_ours = cluster.connect(self._address)
        self._emit = emit
        may_grow = self._address not in {None, "local"}
        cluster.check_demand(cluster.demand(self._resources), may_grow=may_grow)
        cluster.check_function(self._function)
        self._post = _Post(_new_mailbox())

    def reach(self, *, store_url: str, directory: str) -> None:  # noqa: ARG002  # each attempt looks for it itself
        """See `Executor.reach`."""
        self._store_id = cluster.check_store(store_url)

    def start(self, order: TrialOrder) -> None:
        """See `Executor.start`. Ray waits for a machine that has what the attempt takes."""
        errand = Errand(
            order=order,
            function=self._function,
            store_id=self._store_id,
            resources=self._resources,
            time_limit_seconds=self._time_limit_seconds,
        )
        # Retries are ours: each has a number of its own.
        task = ray.remote(max_calls=1, max_retries=0)(supervise).options(**self._options(errand.name))
        self._attempts[errand.name] = _Attempt(order, task.remote(errand, self._opened.box))

    def stop(self, trial: TrialId, attempt: int, *, at_once: bool) -> None:
        """See `Executor.stop`."""
        running = self._attempts.get(f"{trial}@{attempt}")
        if running is not None:
            running.is_interrupted = True
            _cancel(running, at_once=at_once)
            if at_once:
                running.give_up_at = time.monotonic() + KILL_GRACE_SECONDS

    def wait(self, timeout_seconds: float) -> None:
        """See `Executor.wait`."""
        post = self._opened
        tasks = {attempt.task: attempt for attempt in self._attempts.values()}
        ready, _ = ray.wait([post.look, *tasks], timeout=timeout_seconds, num_returns=1)
        if post.look in ready:
            self._read_mail()
        ended, _ = ray.wait(list(tasks), timeout=0, num_returns=len(tasks)) if tasks else ([], [])
        if ended:
            self._drain()
            for task in ended:
                self._bury(tasks[task])
        self._give_up()

    def close(self) -> None:
        """See `Executor.close`."""
        if self._post is None or not ray.is_initialized():
            if self._is_ours:
                ray.shutdown()
            return
        for attempt in self._attempts.values():
            _cancel(attempt, at_once=True)
        tasks = [attempt.task for attempt in self._attempts.values()]
        if tasks:
            ray.wait(tasks, timeout=KILL_GRACE_SECONDS, num_returns=len(tasks))
        self._attempts.clear()
        ray.kill(self._post.box)
        self._post = None
        if self._is_ours:
            ray.shutdown()

    # --- events --------------------------------------------------------------------------------------------

    @property
    def _opened(self) -> _Post:
        assert self._post is not None, "the executor is not open"  # noqa: S101  # our own bug
        return self._post

    def _read_mail(self) -> None:
        post = self._opened
        try:
            news, silences = ray.get(post.look)
        except RayActorError as error:
            self._lose_mailbox(error)
            return
        post.look_again()
        for name, message in news:
            self._take(name, encoding.decode(message))
        for name, seconds in silences.items():
            if seconds > self._silence_seconds and name in self._attempts:
                self._lose_silent(self._attempts[name], seconds)

    def _take(self, name: str, value: encoding.Json) -> None:
        attempt = self._attempts.get(name)
        if isinstance(value, Mapping) and isinstance(machine := value.get("machine"), Mapping):
            if attempt is not None:
                attempt.node_id, attempt.host = str(machine["node_id"]), str(machine["host"])
                self._silent_nodes.discard(attempt.node_id)
            return
        event = event_from_json(value)
        if not isinstance(event, happened.AttemptEvent):
            return  # attempts send no other
        # What comes of an attempt that was lost is passed on too: its number says that it does not count.
        must_stop = self._emit(event)
        if attempt is None:
            return
        if attempt.order.is_watched and isinstance(event, happened.TrialReported):
            self._opened.box.answer.remote(name, must_stop=must_stop)
        if isinstance(event, LAST_EVENTS):
            self._forget(name)

    def _drain(self) -> None:
        """Read all that has come before a task was known to have ended."""
        self._opened.box.wake.remote()
        self._read_mail()
        self._opened.box.wake.remote()
        self._read_mail()

    def _bury(self, attempt: _Attempt) -> None:
        """Its task has ended: say why, if it has not said so itself."""
        if attempt not in self._attempts.values():
            return
        why, error = "", None
        try:
            why = str(ray.get(attempt.task))
        except RayError as raised:
            error = raised
        self._end(attempt, end_of(error, order=attempt.order, where=attempt.host, why=why))

    def _end(self, attempt: _Attempt, event: happened.AttemptEvent) -> None:
        if attempt.is_interrupted:
            event = lost(attempt.order, "interrupted", counts=False)
        self._forget(f"{attempt.order.trial}@{attempt.order.attempt}")
        self._emit(event)

    def _forget(self, name: str) -> None:
        del self._attempts[name]
        self._opened.box.forget.remote(name)

    # --- losses --------------------------------------------------------------------------------------------

    def _lose_silent(self, attempt: _Attempt, seconds: float) -> None:
        self._silent_nodes.add(attempt.node_id)
        self._end(attempt, lost(attempt.order, f"{attempt.host} has been silent for {seconds:.0f} seconds"))
        _cancel(attempt, at_once=True)

    def _give_up(self) -> None:
        now = time.monotonic()
        for attempt in list(self._attempts.values()):
            if attempt.give_up_at is not None and now >= attempt.give_up_at:
                self._end(attempt, lost(attempt.order, "interrupted", counts=False))

    def _lose_mailbox(self, error: RayActorError) -> None:
        """All attempts end when they cannot reach it; new ones get a new one."""
        self._post = _Post(_new_mailbox())
        for attempt in list(self._attempts.values()):
            self._end(attempt, lost(attempt.order, f"the driver's mailbox vanished: {type(error).__name__}"))
            _cancel(attempt, at_once=True)

    def _options(self, name: str) -> dict[str, Any]:
        wanted = cluster.demand(self._resources)
        options: dict[str, Any] = {
            "name": name,
            "num_cpus": wanted.pop("CPU"),
            "num_gpus": wanted.pop("GPU", 0),
            "memory": wanted.pop("memory", None),
            "resources": wanted,
        }
        # Ray may not know yet that a machine is gone, and would choose it again.
        silent = self._silent_nodes & {node.id for node in cluster.nodes()} if self._silent_nodes else set()
        if silent:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(silent))})"}
        return options


def _new_mailbox() -> Any:  # noqa: ANN401  # an actor's handle has no type
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(Mailbox).options(num_cpus=0, max_concurrency=10_000, scheduling_strategy=here).remote()


def _cancel(attempt: _Attempt, *, at_once: bool) -> None:
    # Not recursive: the calls that its supervisor has under way are its reports.
    ray.cancel(attempt.task, force=at_once, recursive=False)
