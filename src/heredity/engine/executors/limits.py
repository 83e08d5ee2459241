"""What each attempt gets of its machine, and what it may not exceed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from heredity.errors import ConfigError

_DEVICE = re.compile(r"cuda:\d+|GPU-[0-9a-fA-F-]+|MIG-[0-9a-zA-Z/-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What each attempt gets of its machine, and what it may not exceed. None: nothing is said.

    Example:
        >>> Resources(devices=("cuda:0", "cuda:1"), memory_limit_bytes=16 * 2**30).gpus_of_attempt
        1.0
    """

    cores: int | None = None
    """Processor cores: `processes` pins each attempt to so many of its own; Ray sets so many aside."""
    gpus: float | None = None
    """Accelerators an attempt; a fraction shares one. By default 1 where `devices` are named, else none."""
    devices: tuple[str, ...] = ()
    """For `processes`: what may be used, such as ``cuda:0`` or a GPU's UUID; by default all there are."""
    memory_limit_bytes: int | None = None
    """For an attempt with all the processes it has started; one that holds more has failed."""
    log_limit_bytes: int | None = None
    """A log that grows longer loses its middle, and says so."""
    custom: Mapping[str, float] = field(default_factory=dict)
    """For Ray: resources that its machines were given names for, such as ``{"big_disk": 1}``."""

    def __post_init__(self) -> None:
        gpus = self.gpus_of_attempt
        problems = [
            (self.cores is not None and self.cores < 1, f"cores: expected at least 1, got {self.cores}"),
            (
                gpus < 0 or (gpus > 1 and gpus != math.floor(gpus)),
                f"gpus: expected a whole number, or a share of one, got {self.gpus}",
            ),
            *_problems_of_limit("memory_limit_bytes", self.memory_limit_bytes),
            *_problems_of_limit("log_limit_bytes", self.log_limit_bytes),
            *(
                (
                    _DEVICE.fullmatch(name) is None,
                    f"devices: expected names such as 'cuda:0' or 'GPU-…', got {name!r}",
                )
                for name in self.devices
            ),
            (len(set(self.devices)) < len(self.devices), "devices: one is named twice"),
        ]
        for is_wrong, problem in problems:
            if is_wrong:
                raise ConfigError(f"{problem}.")

    @property
    def gpus_of_attempt(self) -> float:
        """How many accelerators an attempt gets."""
        if self.gpus is None:
            return 1.0 if self.devices else 0.0
        return self.gpus


MIN_LIMIT_BYTES = 4096


def _problems_of_limit(name: str, value: int | None) -> list[tuple[bool, str]]:
    is_wrong = value is not None and value < MIN_LIMIT_BYTES
    return [(is_wrong, f"{name}: expected at least {MIN_LIMIT_BYTES}, got {value}")]
