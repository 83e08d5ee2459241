"""Hands out a machine's cores and accelerators: each belongs to one attempt at a time."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from heredity.engine.executors.limits import Resources
from heredity.errors import ConfigError

_DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"
_DRIVER_FOLDER = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What one attempt has to itself."""

    devices: tuple[str, ...] = ()
    cores: tuple[int, ...] = ()
    threads: int | None = None
    """Threads of torch and of OpenMP; None: as its surroundings say."""


class Places:
    """The cores and accelerators that are free. With none to hand out, there is a place for everyone.

    Args:
        resources: What an attempt gets.
        devices: The machine's accelerators.
        cores: The machine's cores.
    """

    def __init__(self, resources: Resources, *, devices: Sequence[str], cores: Sequence[int]) -> None:
        gpus = resources.gpus_of_attempt
        self._per_attempt = math.ceil(gpus)
        self._num_cores = resources.cores or 0
        # An accelerator that is shared stands there once for each of its users, those of one far apart.
        shares = math.floor(1 / gpus) if 0 < gpus < 1 else 1
        self._devices = deque([*devices] * shares) if gpus else deque()
        self._cores = deque(cores)
        self.capacity = self._capacity(resources, num_devices=len(devices))

    def _capacity(self, resources: Resources, *, num_devices: int) -> int | None:
        """How many attempts have a place at a time; None: any number."""
        counts = []
        if self._per_attempt:
            counts.append(len(self._devices) // self._per_attempt)
        if self._num_cores:
            counts.append(len(self._cores) // self._num_cores)
        if counts and not min(counts):
            raise ConfigError(
                f"An attempt needs {self._num_cores} cores and {resources.gpus_of_attempt:g} accelerators; "
                f"this machine has {len(self._cores)} and {num_devices}.",
                hint="Ask for less, or name the accelerators in `devices`.",
            )
        return min(counts, default=None)

    def take(self) -> Place | None:
        """A place, or None if none is free."""
        if len(self._devices) < self._per_attempt or len(self._cores) < self._num_cores:
            return None
        return Place(
            devices=tuple(self._devices.popleft() for _ in range(self._per_attempt)),
            cores=tuple(self._cores.popleft() for _ in range(self._num_cores)),
            threads=self._num_cores or None,
        )

    def give_back(self, place: Place) -> None:
        """Whoever had the place needs it no more."""
        self._devices.extend(place.devices)
        self._cores.extend(place.cores)


class OnePlace(Places):
    """A place that somebody else has set aside, as Ray does: its accelerators are in the environment."""

    def __init__(self, *, threads: int | None) -> None:
        super().__init__(Resources(), devices=(), cores=())
        self._threads = threads

    def take(self) -> Place:
        """The place."""
        return Place(threads=self._threads)


def places_of_machine(resources: Resources) -> Places:
    """What this machine has to hand out.

    Raises:
        ConfigError: It has too little for even one attempt.
    """
    devices = resources.devices
    if resources.gpus_of_attempt and not devices:
        devices = tuple(f"cuda:{number}" for number in range(_num_devices(os.environ)))
    return Places(resources, devices=devices, cores=sorted(os.sched_getaffinity(0)))


def _num_devices(environment: Mapping[str, str]) -> int:
    """Counted without torch, whose look at an accelerator would spoil it for the processes forked later."""
    visible = environment.get(_DEVICES_VARIABLE)
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip()])
    return len(list(_DRIVER_FOLDER.iterdir())) if _DRIVER_FOLDER.is_dir() else 0


def settle(place: Place) -> None:
    """Have this process, and those it will start, keep to its place; before an accelerator is touched."""
    if place.cores:
        os.sched_setaffinity(0, place.cores)
    if place.threads is not None:
        os.environ["OMP_NUM_THREADS"] = str(place.threads)
    if place.devices:
        os.environ[_DEVICES_VARIABLE] = visible_devices(
            place.devices, visible=os.environ.get(_DEVICES_VARIABLE)
        )


def visible_devices(devices: Sequence[str], *, visible: str | None) -> str:
    """The value of CUDA_VISIBLE_DEVICES for these devices, which were counted among the visible ones.

    Raises:
        ConfigError: There are fewer of them.
    """
    names = None if visible is None else [name.strip() for name in visible.split(",") if name.strip()]
    return ",".join(_physical(device, names) for device in devices)


def _physical(device: str, names: Sequence[str] | None) -> str:
    kind, _, number = device.partition(":")
    if kind != "cuda":
        return device  # a UUID
    if names is None:
        return number
    if int(number) >= len(names):
        raise ConfigError(
            f"devices: {device} is not there: {_DEVICES_VARIABLE} is {','.join(names)!r}.",
            hint="Devices are counted among those that the variable leaves visible.",
        )
    return names[int(number)]
