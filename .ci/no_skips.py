"""Fail if a test was skipped, or a suite that matters did not run: a green run must mean something.

Usage: no_skips.py REPORT.xml ... (as written by pytest --junitxml)
"""

# ruff: noqa: INP001, T201  # a script, not a package

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from fnmatch import fnmatch

# Which tests may be skipped (module::name, with * and ?), and why.
ALLOWED: dict[str, str] = {
    **{
        f"tests.store.{suite}::{test}": why
        for suite in (
            "test_backends.TestMemory",
            "test_caching.TestCachedMemory",
            "test_objects.TestObjects",
            "test_retrying.TestRetrying",
            "test_retrying.TestRetryingWhatFails",
        )
        for test, why in (
            ("test_of_many_processes_one_wins", "one process has it"),
            ("test_a_writer_that_slept_over_a_sweep_puts_nothing", "the place does not fence writers"),
            ("test_a_directory_s_version_changes_with_its_names", "the place has no versions"),
        )
    },
    **{
        f"tests.objects.test_suite.{server}::{test}": why
        for server in ("TestMoto", "TestMinistack")
        for test, why in (
            ("test_a_writer_that_slept_over_a_sweep_puts_nothing", "the place does not fence writers"),
            ("test_a_directory_s_version_changes_with_its_names", "the place has no versions"),
        )
    },
    **{
        f"tests.store.{suite}::test_a_check_that_fails_after_the_commit_takes_the_name_back": "it checks once"
        for suite in (
            "test_backends.TestLocal*",
            "test_caching.TestCache*",
            "test_faulty_backend.TestClockShifted",
            "test_retrying.TestRetryingFiles*",
        )
    },
    **{
        f"tests.engine.executors.test_suite.TestInline::test_{test}": "it runs everything in this process"
        for test in (
            "a_log_that_grows_too_long_loses_its_middle",
            "a_memory_limit_counts_what_was_forked",
            "a_stop_at_once_ends_even_who_will_not_hear",
            "a_stop_in_order_lets_the_trial_clean_up",
            "a_time_limit_ends_an_attempt_and_shows_where_it_hung",
            "a_worker_that_vanishes_is_reported*",
            "attempts_run_side_by_side",
            "closing_ends_all",
            "output_goes_into_the_log_whatever_it_is",
            "what_a_trial_has_forked_ends_with_it_and_delays_nobody",
        )
    },
}

# Each of these must have run at least one test: a module, or a folder of modules.
REQUIRED = (
    "tests.cli",
    "tests.dashboard",
    "tests.dashboard.browser",
    "tests.doctor",
    "tests.engine",
    "tests.engine.executors.on_ray",
    "tests.examples",
    "tests.experiment",
    "tests.inheritance",
    "tests.integrations",
    "tests.mirrors",
    "tests.nfs",
    "tests.nfs.experiments",
    "tests.nni",
    "tests.objects",
    "tests.oneshot",
    "tests.store",
    "tests.store.kills",
    "tests.strategies",
    "tests.test_docs",
    "tests.test_loading",
    "tests.test_rooms",
    "tests.transfer",
)


def main(reports: list[str]) -> int:
    """Print what is wrong, and return the exit code."""
    cases = [case for report in reports for case in ET.parse(report).iter("testcase")]  # noqa: S314  # our own file
    skipped = {_name(case): case.find("skipped") for case in cases if case.find("skipped") is not None}
    ran = [_name(case) for case in cases if _name(case) not in skipped]
    problems = [
        f"skipped: {name}: {reason.get('message') if reason is not None else ''}"
        for name, reason in skipped.items()
        if not any(fnmatch(name, pattern) for pattern in ALLOWED)
    ]
    problems += [
        f"not run at all: {suite}"
        for suite in REQUIRED
        if not any(name.startswith((f"{suite}.", f"{suite}::")) for name in ran)
    ]
    print(f"{len(ran)} tests ran, {len(skipped)} were skipped")
    print("\n".join(problems), file=sys.stderr)
    return 1 if problems else 0


def _name(case: ET.Element) -> str:
    return f"{case.get('classname')}::{case.get('name')}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
