"""Trial functions that behave well and badly; used by the tests of the engine by their names."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import heredity as hd


def square(trial: hd.Trial) -> float:
    return float(trial.parameters["x"]) ** 2


def scripted(trial: hd.Trial) -> object:
    """Do what the parameter `does` names."""
    function: Callable[[hd.Trial], object] = globals()[trial.parameters["does"]]
    return function(trial)


def crash(trial: hd.Trial) -> None:
    print("about to crash", flush=True)
    raise RuntimeError("the learning rate is cursed")


def hang(trial: hd.Trial) -> None:
    while True:
        time.sleep(60)


def sleep(trial: hd.Trial) -> float:
    time.sleep(trial.parameters["seconds"])
    return 1.0


def kill_itself(trial: hd.Trial) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def segfault(trial: hd.Trial) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(trial: hd.Trial) -> None:
    os._exit(7)


def odd_name(trial: hd.Trial) -> None:
    """An error that names a file whose name is no text."""
    raise FileNotFoundError(os.fsdecode(b"caf\xe9.txt"))


def exit_in_python(trial: hd.Trial) -> None:
    sys.exit("goodbye")


def return_text(trial: hd.Trial) -> str:
    return "very good"


def return_nan(trial: hd.Trial) -> float:
    return float("nan")


def return_nothing(trial: hd.Trial) -> None:
    trial.report(0.25)
    trial.report(0.75)


def print_binary(trial: hd.Trial) -> float:
    os.write(1, bytes(range(256)) * 8)
    return 1.0


def report_after_end(trial: hd.Trial) -> float:
    def report_late() -> None:
        time.sleep(0.2)
        trial.report(9.0)

    threading.Thread(target=report_late).start()
    return 1.0


def report_from_threads(trial: hd.Trial) -> float:
    """Four threads report at once, as callbacks of training libraries do."""

    def report(thread: int) -> None:
        for step in range(200):
            trial.report(float(thread), step=step)

    threads = [threading.Thread(target=report, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1.0


def fork_a_child(trial: hd.Trial) -> float:
    """A grandchild keeps the pipe open for longer than the trial lives."""
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    return 2.0


def fork_and_hang(trial: hd.Trial) -> None:
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    (trial.directory / "grandchild").write_text(str(pid))
    time.sleep(60)


def clean_up(trial: hd.Trial) -> None:
    """Leave a file behind when interrupted in order."""
    try:
        (trial.directory / f"{trial.id}.started").touch()
        time.sleep(60)
    finally:
        (trial.directory / f"{trial.id}.cleaned").touch()


def swallow_exceptions(trial: hd.Trial) -> float:
    """A training loop that will not be told to end."""
    while True:
        try:
            (trial.directory / f"{trial.id}.started").touch()
            time.sleep(60)
        except BaseException:  # noqa: BLE001  # on purpose
            pass


def save_twice(trial: hd.Trial) -> float:
    trial.save_tensors({}, metadata={"n": 1})
    trial.save_tensors({}, metadata={"n": 2})
    return 1.0


def save_tagged(trial: hd.Trial) -> float:
    trial.save_tensors({}, tag="early", metadata={"n": 1})
    trial.save_tensors({}, metadata={"n": 2})
    return 1.0


def father(trial: hd.Trial) -> float:
    time.sleep(0.1)
    trial.save_tensors({}, metadata={"pid": os.getpid()})
    return 1.0


def child(trial: hd.Trial) -> float:
    assert trial.parent is not None
    return float(trial.parent.metadata["trial"] == "father")


def random_numbers(trial: hd.Trial) -> float:
    import random

    return random.random()


def write_threads(trial: hd.Trial) -> float:
    return float(os.environ.get("OMP_NUM_THREADS", "0"))


def big_log(trial: hd.Trial) -> None:
    for _ in range(2000):
        print("x" * 1000)
    raise RuntimeError("after two megabytes")


def where(trial: hd.Trial) -> float:
    Path(trial.directory, "where").write_text(str(trial.directory))
    return 1.0


def return_list(trial: hd.Trial) -> list[float]:
    return [1.0]


def return_infinity(trial: hd.Trial) -> float:
    return float("inf")


def return_half(trial: hd.Trial) -> dict[str, float]:
    return {"score": 0.5}


def return_other(trial: hd.Trial) -> dict[str, float]:
    return {"loss": 0.5, "size": 1}


def return_both(trial: hd.Trial) -> dict[str, float]:
    return {"score": 0.5, "size": 3, "loss": 0.1}


def lose_the_store(trial: hd.Trial) -> float:
    raise hd.errors.StoreUnavailable("the bucket does not answer")


def lose_the_store_once(trial: hd.Trial) -> float:
    if trial.attempt == 1:
        raise hd.errors.StoreUnavailable("the bucket does not answer")
    return 1.0


def remove_the_store(trial: hd.Trial) -> float:
    """What an unmounted share looks like."""
    (trial.directory / "store").rename(trial.directory / "elsewhere")
    raise hd.errors.StoreUnavailable("the share is gone")


def end_by_term(trial: hd.Trial) -> None:
    os.kill(os.getpid(), signal.SIGABRT)


def heed_the_stop(trial: hd.Trial) -> None:
    step = 0
    while not trial.should_stop:
        step += 1
        trial.report(step / 10)
    trial.save_tensors({}, metadata={"step": step})


def ignore_the_stop(trial: hd.Trial) -> float:
    for step in range(1, 9):
        try:
            trial.report(step / 10)
        except Exception:  # noqa: BLE001  # as training loops do
            continue
    return 1.0


def return_after_the_stop(trial: hd.Trial) -> dict[str, float]:
    trial.report(0.1)
    trial.report(0.2)
    return {"score": 0.3}


def evolve(trial: hd.Trial) -> float:
    """A child's score depends on its own numbers and on all its ancestors'."""
    before = 0.0 if trial.parent is None else float(str(trial.parent.metadata["score"]))
    score = 0.5 * before + trial.parameters["x"] / 100 + trial.seed % 1000 / 1e6
    trial.report(score)
    trial.save_tensors({}, metadata={"score": score})
    return float(score)
