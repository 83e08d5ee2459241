"""What a trial costs besides its training: trivial trials, ten ways, side by side in one run.

All sides take turns, in another order each round. Each runs as a program of its own; wall time and the CPU
time of all its processes are read whenever a trial has left its mark, so that start and stop can be told
from the trials. Two trials at a time. The sides and their settings: `trial_overhead_sides.py`.

Usage: ``python benchmarks/trial_overhead.py --report benchmarks/results/NAME.md`` does all of it. The peers
that are no dependency of the benchmarks (Ray Tune, NNI, Syne Tune) get environments below ``--peers``,
once; 3 GB. As root, it runs at priority -10, so that a busy machine disturbs it less. ``--only`` and
``--trials`` are for a look.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trial_overhead_accounts import Account, go_first, run
from trial_overhead_marks import MARKS
from trial_overhead_report import page
from trial_overhead_sides import HERE, SIDES, Side, command, environment

Runner = Callable[[Side], dict[str, Any] | None]
LIMIT_SECONDS = 400.0
MOST_FAILURES = 3
INSTALLS = {
    "tune": ["ray[tune]"],
    # Its dispatcher imports pkg_resources, which later versions of setuptools have no more.
    "nni": ["setuptools<81", "wheel", "nni==3.0"],
    "syne": ["syne-tune==0.16.0"],
}
VERSIONS = {"tune": "ray", "nni": "nni", "syne": "syne-tune"}
CONSTRAINED = {"tune"}
"""The others have caps of their own that ours would break."""


def install(peers: Path, names: set[str]) -> None:
    """Make the peers' environments that are not there yet."""
    for name in sorted(names):
        folder = peers / name
        if (folder / ".installed").exists():
            continue
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        constraints = ["--constraint", str(HERE.parent / "constraints.txt")] if name in CONSTRAINED else []
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *constraints, *INSTALLS[name]], check=True)
        (folder / ".installed").touch()


def version_of(side: Side, peers: Path) -> str:
    """What is measured."""
    package = VERSIONS.get(side.environment or "", side.name.partition("-")[0])
    if package in {"heredity", "pool"}:
        return ""
    python = sys.executable if side.environment is None else str(peers / side.environment / "bin" / "python")
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def machine() -> str:
    return (
        f"{dt.datetime.now(tz=dt.UTC).date()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Linux {platform.release()}, Python {platform.python_version()}"
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure(side: Side, num_trials: int, *, peers: Path) -> dict[str, Any]:
    """Run one side once; plain data."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        marks, log = folder / "marks", folder / "log"
        account = run(
            command(side, num_trials, folder, peers=peers),
            environment={**environment(folder, port=free_port()), MARKS: str(marks)},
            marks=marks,
            log=log,
            limit_seconds=LIMIT_SECONDS,
        )
        _refuse(side, account, num_trials, log)
    seconds, cpu_seconds = account.per_trial(skip=max(1, num_trials // 10))
    return {
        "num_trials": num_trials,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "all_seconds": account.seconds,
        "all_cpu_seconds": account.cpu_seconds,
        "load": os.getloadavg()[0],
    }


def patiently(side: Side, num_trials: int, *, peers: Path) -> dict[str, Any] | None:
    """Run one side until it comes through: on a busy machine, some give up before they have begun."""
    for num_failures in range(MOST_FAILURES + 1):
        try:
            return {**measure(side, num_trials, peers=peers), "num_failures": num_failures}
        except (RuntimeError, TimeoutError) as error:
            print(f"{side.name} failed: {error}", file=sys.stderr, flush=True)
    return None


def _refuse(side: Side, account: Account, num_trials: int, log: Path) -> None:
    num_marks = account.samples[-1].num_trials if account.samples else 0
    # A side may end a search while a further trial runs; none may do less than was asked.
    if account.exit_code or num_marks < num_trials:
        text = log.read_text(errors="replace")[-3000:]
        raise RuntimeError(
            f"{side.name}: {num_marks} of {num_trials} trials, exit code {account.exit_code}\n{text}"
        )


def rounds(sides: Sequence[Side], *, first: int, num_rounds: int, run: Runner) -> Iterator[dict[str, Any]]:
    """All sides in turns; what each run has measured, with the number of its round."""
    for number in range(first, first + num_rounds):
        for side in random.Random(number).sample(sides, len(sides)):
            found = run(side)
            if found is None:
                print(f"round {number + 1}, {side.name}: left out", flush=True)
                continue
            print(
                f"round {number + 1}, {side.name}: {found['seconds'] * 1000:.1f} ms, "
                f"CPU {found['cpu_seconds'] * 1000:.1f} ms",
                flush=True,
            )
            yield {**found, "side": side.name, "round": number}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--report", type=Path, required=True, help="the page to write; JSON goes beside it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--go-on", action="store_true", help="add the rounds to the numbers beside the page")
    parser.add_argument("--peers", type=Path, default=HERE.parent / "runs" / "peers")
    parser.add_argument("--only", nargs="+", choices=[side.name for side in SIDES], default=None)
    parser.add_argument(
        "--trials", type=int, default=None, help="for each side; by default as many as suit it"
    )
    arguments = parser.parse_args()
    peers = arguments.peers.resolve()
    sides = [side for side in SIDES if arguments.only is None or side.name in arguments.only]
    numbers = arguments.report.with_suffix(".json")
    if not arguments.rounds:
        arguments.report.write_text(page(json.loads(numbers.read_text()), arguments.report))
        return
    install(peers, {side.environment for side in sides if side.environment is not None})
    go_first()
    facts = {
        "machine": machine(),
        "sides": [{**asdict(side), "version": version_of(side, peers)} for side in sides],
    }
    runs: list[dict[str, Any]] = json.loads(numbers.read_text())["runs"] if arguments.go_on else []
    first = 1 + max((run["round"] for run in runs), default=-1)

    def run_side(side: Side) -> dict[str, Any] | None:
        return patiently(side, arguments.trials or side.num_trials, peers=peers)

    for new in rounds(sides, first=first, num_rounds=arguments.rounds, run=run_side):
        runs.append(new)
        numbers.write_text(json.dumps({**facts, "runs": runs}, indent=1) + "\n")
    arguments.report.write_text(page(json.loads(numbers.read_text()), arguments.report))


if __name__ == "__main__":
    main()
