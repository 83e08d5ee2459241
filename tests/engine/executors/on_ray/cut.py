"""A driver in one network namespace: cuts the way to the other, and tells when it learns of that."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import heredity as hd
from heredity.engine.executors.on_ray import RayExecutor
from heredity.engine.function import FunctionReference
from heredity.experiment import events as happened
from heredity.testing.executor_suite import Drive

SLOWLY = FunctionReference("programs", "train_slowly", folder=str(Path(__file__).parent))


def main(address: str, device: str, directory: str) -> None:
    """Run a trial on the other machine, cut the way to it, and print how that ended."""
    executor = RayExecutor(SLOWLY, address=address, resources=hd.Resources(custom={"trial": 1}))
    drive = Drive(executor, Path(directory))
    drive.start("a", "")
    drive.file("waits")
    subprocess.run(["ip", "link", "set", device, "down"], check=True)
    cut_at = time.monotonic()
    ends: list[happened.AttemptEvent] = []
    while not ends and time.monotonic() < cut_at + 120:
        executor.wait(0.5)
        ends = [event for event in drive["a"] if isinstance(event, happened.TrialLost)]
    told = {"seconds": time.monotonic() - cut_at, "reason": getattr(ends[0], "reason", "") if ends else ""}
    print("told", json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
