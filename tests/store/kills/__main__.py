"""All kills and all errors of all scenarios, and the whole crowd; prints what happened, and each finding.

python -m tests.store.kills FOLDER [kills|errors|crowd] [NAME OF A SCENARIO]...
"""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import mkdtemp

from tests.store.kills.campaign import ERRORS, KILL, Campaign
from tests.store.kills.crowd import crowd
from tests.store.kills.reckoning import check
from tests.store.kills.scenarios import SCENARIOS, Scenario
from tests.store.kills.strace import touches_files
from tests.store.kills.victim import Outcome, Victim

from heredity.errors import HeredityError


def main(folder: Path, what: str, names: list[str]) -> int:
    """Run them; return how many findings there are."""
    begun = time.monotonic()
    num_findings = 0 if what == "crowd" else interrupt_all(folder, what, names)
    if what in {"all", "crowd"}:
        num_findings += run_crowd(folder, seed=0)
    print(f"{num_findings} findings in {time.monotonic() - begun:.0f} s")
    return num_findings


def interrupt_all(folder: Path, what: str, names: list[str]) -> int:
    """All scenarios, or those of these names, with all that can happen to them."""
    totals, num_findings = Counter[str](), 0
    for scenario in [each for each in SCENARIOS if not names or each.name in names]:
        for hows in ([KILL],) * (what != "errors") + ([f"error={e}" for e in ERRORS],) * (what != "kills"):
            counts, calls, findings = run(scenario, hows, folder=folder)
            totals += counts
            num_findings += len(findings)
            print(f"{scenario.name:28} {_text(counts)}\n{'':28} at {_text(calls)}", flush=True)
            print(*findings, sep="\n", end="\n" * bool(findings), flush=True)
    print(_text(totals))
    return num_findings


def run_crowd(folder: Path, *, seed: int) -> int:
    """Eight processes with a thousand operations each."""
    own = Path(mkdtemp(dir=folder))
    diaries = crowd(own / "store", num_members=8, num_operations=1000, seed=seed)
    print(f"a crowd, seed {seed}: {_text(sum((diary.counts for diary in diaries), Counter[str]()))}")
    try:
        check(own / "store", diaries)
    except (AssertionError, HeredityError) as error:
        print(f"FOUND after a crowd, in {own}: {error}")
        return 1
    shutil.rmtree(own)
    return 0


def run(scenario: Scenario, hows: list[str], *, folder: Path) -> tuple[Counter[str], Counter[str], list[str]]:
    """One scenario at all its points: how its victims ended, at which calls, and what was wrong."""
    own = Path(mkdtemp(dir=folder))
    counts, calls, findings = Counter[str](), Counter[str](), list[str]()
    campaign = Campaign(scenario, folder=own)
    for point in campaign.points():
        for how in hows if hows == [KILL] or touches_files(point) else []:
            try:
                counts[_end(campaign.interrupt(point, how))] += 1
                calls[point.call] += 1
            except (AssertionError, HeredityError) as error:
                Victim.end_all()
                findings.append(f"FOUND {scenario.name}, {point}, {how}: {error}")
    shutil.rmtree(own)
    return counts, calls, findings


def _end(outcome: Outcome) -> str:
    if outcome.killed_by:
        return "killed"
    return type(outcome.error).__name__ if outcome.error else "done all the same"


def _text(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))


if __name__ == "__main__":
    _, place, *rest = sys.argv
    kind = rest[0] if rest else "all"
    sys.exit(main(Path(place), kind, rest[1:]) > 0)
