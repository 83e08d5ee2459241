"""Trial functions that behave well and badly, by name; found wherever the package is installed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from heredity.engine import Trial
from heredity.errors import TrialInterrupted

FOREVER_SECONDS = 300.0


def scripted(trial: Trial) -> object:
    """Do what the parameter `does` names."""
    function: Callable[[Trial], object] = globals()[trial.parameters["does"]]
    return function(trial)


def report_thrice(trial: Trial) -> float:
    """A trial as it should be."""
    for step in (1, 2, 3):
        trial.report(step / 4, step=step, metrics={"loss": 1 - step / 4})
    trial.save_tensors({}, metadata={"done": True})
    return 0.75


def report_much(trial: Trial) -> float:
    """A report of a few hundred kilobytes, and many small ones."""
    trial.report(0.0, step=0, metrics={f"metric-{number}": float(number) for number in range(10_000)})
    for step in range(1, 101):
        trial.report(float(step), step=step)
    return 1.0


def report_after_end(trial: Trial) -> float:
    """A thread goes on when the function has returned."""

    def report_late() -> None:
        time.sleep(0.2)
        trial.report(9.0)

    threading.Thread(target=report_late).start()
    return 1.0


def report_until_told(trial: Trial) -> None:
    """Each report asks whether to go on."""
    for step in range(1, 1_000):
        trial.report(float(step), step=step)
        if trial.should_stop:
            return


def crash(trial: Trial) -> None:
    """Raise."""
    print("about to crash", flush=True)  # noqa: T201  # for its log
    raise RuntimeError(f"the learning rate of {trial.id} is cursed")


def kill_itself(_trial: Trial) -> None:
    """As the kernel does when the memory is used up."""
    os.kill(os.getpid(), signal.SIGKILL)


def segfault(_trial: Trial) -> None:
    """As native code does."""
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(_trial: Trial) -> None:
    """No exception handler sees this."""
    os._exit(7)


def exit_in_python(_trial: Trial) -> None:
    """As a script does."""
    sys.exit("goodbye")


def clean_up(trial: Trial) -> None:
    """Leave a file behind when interrupted in order."""
    try:
        _touch(trial, "started")
        time.sleep(FOREVER_SECONDS)
    finally:
        _touch(trial, "cleaned")


def ignore_everything(trial: Trial) -> None:
    """A training loop that will not be told to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        with contextlib.suppress(TrialInterrupted):
            _touch(trial, "started")
            time.sleep(FOREVER_SECONDS)


def hang(trial: Trial) -> None:
    """Run for ever; a process that was forked from it does, too."""
    if os.fork() == 0:
        _touch(trial, "forked", str(os.getpid()))
        time.sleep(FOREVER_SECONDS)
        os._exit(0)
    _touch(trial, "started", str(os.getpid()))
    time.sleep(FOREVER_SECONDS)


def fork_and_return(trial: Trial) -> float:
    """What it has forked lives on."""
    if os.fork() == 0:
        _touch(trial, "forked", str(os.getpid()))
        time.sleep(FOREVER_SECONDS)
        os._exit(0)
    while not _path(trial, "forked").exists():
        time.sleep(0.01)
    return 1.0


def meet(trial: Trial) -> float:
    """Wait for another trial, which waits for this one."""
    _touch(trial, "started")
    other = Path(trial.directory, f"{trial.parameters['other']}.started")
    give_up_at = time.monotonic() + 60
    while not other.exists():
        if time.monotonic() > give_up_at:
            raise RuntimeError("nobody came")
        time.sleep(0.01)
    return 1.0


def hold_memory(trial: Trial) -> float:
    """Hold as much as the parameter `num_bytes` says, in a process that it has forked."""
    if os.fork() == 0:
        kept = bytearray(int(trial.parameters["num_bytes"]))
        kept[::4096] = b"x" * len(kept[::4096])
        time.sleep(FOREVER_SECONDS)
        os._exit(0)
    time.sleep(FOREVER_SECONDS)
    return 1.0


def flood_log(trial: Trial) -> float:
    """Print a line at the start, much of nothing, and a line at the end."""
    print("the first line", flush=True)  # noqa: T201  # for its log
    for _ in range(int(trial.parameters["num_lines"])):
        os.write(1, b"x" * 1000 + b"\n")
    time.sleep(1.0)  # so that the log is looked at once more while it runs
    print("the last line", flush=True)  # noqa: T201  # for its log
    return 1.0


def print_binary(_trial: Trial) -> float:
    """Output that is no text, from below Python."""
    os.write(1, bytes(range(256)))
    os.write(2, b"an error\n")
    return 1.0


def draw(_trial: Trial) -> float:
    """A random number."""
    return random.random()  # noqa: S311  # no secret


def repeat_order(trial: Trial) -> float:
    """Write down what the trial was told."""
    told = {
        "parameters": dict(trial.parameters),
        "info": dict(trial.info),
        "parents": dict(trial.parents),
        "max_steps": trial.max_steps,
        "attempt": trial.attempt,
        "seed": trial.seed,
        "ancestor_steps": trial.ancestor_steps,
    }
    _touch(trial, "json", json.dumps(told))
    return 1.0


def train_in_steps(trial: Trial) -> float:
    """Go on from where an attempt before it was lost; at half of the way, a first attempt is lost itself."""
    from torch import nn  # noqa: PLC0415  # the others must not wait for torch

    module = nn.Linear(2, 1)
    for step in range(trial.begin(module) + 1, 5):
        trial.report(float(step), step=step)
        trial.save(module, tag=f"step-{step}")
        if step == 2 and trial.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
    return 1.0


def _path(trial: Trial, ending: str) -> Path:
    return Path(trial.directory, f"{trial.id}.{ending}")


def _touch(trial: Trial, ending: str, text: str = "") -> None:
    """Write a file at one moment, so that whoever sees it can read it."""
    aside = _path(trial, f"{ending}.{os.getpid()}")
    aside.write_text(text)
    aside.rename(_path(trial, ending))
