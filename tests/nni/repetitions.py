"""The example of weight sharing, run as users do, with all numbers of slots and trials, again and again.

Beside each run the same programs are started without any experiment, in the ideal order: so that on a machine
with other work the two can be compared. On a machine with none they would be that other work: `alone` leaves
them out.

python -m tests.nni.repetitions FOLDER [TIMES] [TRAINING SECONDS] [alone] [SLOTSxTRIALS]...

With trials of less than a second only what they say counts: their schedule is that of their starts.
"""

from __future__ import annotations

import json
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import heredity.nni

EXAMPLE = Path(__file__).parents[2] / "examples" / "weight_sharing"
SHIM = Path(heredity.nni.__file__).parent / "shim"
SIZES = tuple((slots, trials) for slots in (1, 3, 10) for trials in (4, 10, 50))
GIVE_UP_SECONDS = 600.0
"""Above twice the ideal schedule: then it is taken for a standstill."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run went."""

    seconds: float
    ideal_seconds: float
    plain_seconds: float | None
    """What the ideal schedule took at the same time, of programs that were started without an experiment, if
    any were."""
    slowness: float
    """How many seconds a second of computing took then: 1 where nobody else computes."""
    problem: str
    is_timed: bool
    """Whether its trials are long enough for its time to be judged."""

    @property
    def is_in_time(self) -> bool:
        """Whether it took at most a tenth and two seconds more than the ideal schedule."""
        allowed = 0.1 * self.ideal_seconds + 2
        schedule = max(self.ideal_seconds, self.plain_seconds or 0.0)
        return not self.is_timed or self.seconds <= schedule + allowed * self.slowness


def ideal_seconds(*, slots: int, trials: int, training_seconds: float) -> float:
    """The father alone, then his children, as many at a time as there are slots."""
    return training_seconds * (1 + math.ceil((trials - 1) / slots))


def plain_seconds(*, slots: int, trials: int, training_seconds: float) -> float:
    """The ideal schedule of programs that import what the example's do, and sleep as long."""
    program = f"import hashlib, random, nni, time; time.sleep({training_seconds})"
    environment = os.environ | {"PYTHONPATH": str(SHIM)}

    def train(_: int) -> None:
        subprocess.run(["python3", "-c", program], env=environment, check=True)

    begun = time.monotonic()
    train(0)
    with ThreadPoolExecutor(slots) as pool:
        list(pool.map(train, range(1, trials)))
    return time.monotonic() - begun


def slowness() -> float:
    """How long a program takes by the clock, for each second that it computes."""
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "import heredity.cli.run"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    computed = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return max(1.0, (time.monotonic() - begun) / computed)


def run(folder: Path, *, slots: int, trials: int, training_seconds: float, is_alone: bool = False) -> Outcome:
    """Copy the example, set its two numbers, run it by the command, and look at what its trials have said."""
    copied = Path(tempfile.mkdtemp(dir=folder))
    for name in ("main.py", "simple_tuner.py"):
        shutil.copy(EXAMPLE / name, copied)
    text = (EXAMPLE / "config.yml").read_text()
    text = text.replace("trialConcurrency: 3", f"trialConcurrency: {slots}")
    (copied / "config.yml").write_text(text.replace("maxTrialNum: 10", f"maxTrialNum: {trials}"))
    size = {"slots": slots, "trials": trials}
    is_timed = training_seconds >= 1
    is_compared = is_timed and not is_alone
    slow = slowness()
    ideal = ideal_seconds(**size, training_seconds=training_seconds)
    with ThreadPoolExecutor(1) as beside:
        plain = (
            beside.submit(plain_seconds, **size, training_seconds=training_seconds) if is_compared else None
        )
        seconds, problem = _run(copied, trials, training_seconds, give_up=2 * ideal + GIVE_UP_SECONDS)
    shutil.rmtree(copied)
    slow = (slow + slowness()) / 2
    return Outcome(seconds, ideal, plain.result() if plain else None, slow, problem, is_timed)


def _run(folder: Path, trials: int, training_seconds: float, *, give_up: float) -> tuple[float, str]:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "heredity.cli", "run", "config.yml", "--directory", "run"],
        cwd=folder,
        env=os.environ | {"TRAINING_SECONDS": str(training_seconds), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=give_up,
        check=False,
    )
    seconds = time.monotonic() - begun
    return seconds, done.stdout[-500:] if done.returncode else _problem(folder / "run", trials)


def _problem(directory: Path, trials: int) -> str:
    files = sorted(directory.glob("nni/*/.nni/metrics"))
    results = [json.loads(line)["value"] for file in files for line in file.read_text().splitlines()]
    fathers = [result for result in results if "path" in result]
    checksums = {result["checksum"] for result in results}
    if (len(results), len(fathers), len(checksums)) == (trials, 1, 1):
        return ""
    return f"{len(results)} results, {len(fathers)} fathers, {len(checksums)} checksums"


def main(
    folder: Path, times: int, training_seconds: float, sizes: list[tuple[int, int]], *, is_alone: bool
) -> int:
    """Run them all; return how many went wrong or took too long."""
    num_wrong = 0
    for slots, trials in sizes:
        outcomes = [
            run(folder, slots=slots, trials=trials, training_seconds=training_seconds, is_alone=is_alone)
            for _ in range(times)
        ]
        problems = [outcome.problem for outcome in outcomes if outcome.problem]
        num_late = sum(not outcome.is_in_time for outcome in outcomes)
        num_wrong += len(problems) + num_late
        seconds = sorted(outcome.seconds for outcome in outcomes)
        plain = sorted(each.plain_seconds for each in outcomes if each.plain_seconds is not None)
        beside = f", without an experiment {plain[0]:.1f} to {plain[-1]:.1f} s" if plain else ""
        print(
            f"{slots:2} slots, {trials:2} trials, {times} times: {len(problems)} wrong, {num_late} late; "
            f"{seconds[0]:.1f} to {seconds[-1]:.1f} s, ideal {outcomes[0].ideal_seconds:.1f} s{beside}; "
            f"slowness {max(outcome.slowness for outcome in outcomes):.1f}, load {os.getloadavg()[0]:.1f}",
            *problems,
            sep="\n",
            flush=True,
        )
    return num_wrong


if __name__ == "__main__":
    where, *words = sys.argv[1:]
    alone = "alone" in words
    numbers = [word for word in words if word != "alone"]
    chosen = [(int(slots), int(trials)) for slots, _, trials in (word.partition("x") for word in numbers[2:])]
    times, seconds = int(numbers[0]) if numbers else 20, float(numbers[1]) if numbers[1:] else 10.0
    sys.exit(min(99, main(Path(where), times, seconds, chosen or list(SIZES), is_alone=alone)))
