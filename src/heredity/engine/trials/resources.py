"""What an attempt used of its machine."""

from __future__ import annotations

import resource
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from heredity.encoding import Json


def _cpu_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


@dataclass(frozen=True, slots=True)
class ResourceMeter:
    """Counts from the moment at which it is made, the children that have ended among it."""

    started_at: float = field(default_factory=time.monotonic)
    cpu_before: float = field(default_factory=_cpu_seconds)

    def read(self) -> Mapping[str, Json]:
        """What was used so far.

        ``seconds`` by the clock and ``cpu_seconds`` (user and system, children that have ended among them);
        ``peak_memory_bytes``, the largest resident set of the process, what it shares with others counted in
        full; ``peak_gpu_bytes``, what torch has reserved at most, where it uses an accelerator; ``host``.
        """
        used: dict[str, Json] = {
            "seconds": round(time.monotonic() - self.started_at, 3),
            "cpu_seconds": round(_cpu_seconds() - self.cpu_before, 3),
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "host": socket.gethostname(),
        }
        cuda = getattr(sys.modules.get("torch"), "cuda", None)
        if cuda is not None and cuda.is_initialized():
            used["peak_gpu_bytes"] = sum(
                cuda.max_memory_reserved(device) for device in range(cuda.device_count())
            )
        return used
