"""The one line that says what happened."""

from __future__ import annotations

import traceback

import pytest

from heredity.experiment import headline


def traceback_of(error: Exception) -> str:
    try:
        raise error
    except type(error):
        return traceback.format_exc()


def test_of_an_exception_with_many_lines_the_first_counts() -> None:
    assert headline(traceback_of(RuntimeError("kaboom\nsecond line"))) == "RuntimeError: kaboom"


def test_of_a_chain_of_exceptions_the_last_counts() -> None:
    error = ValueError("b")
    error.__cause__ = KeyError("a")
    assert headline(traceback_of(error)) == "ValueError: b"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            "TimeLimitExceeded: still running\n\nThe end of its log:\nFatal",
            "TimeLimitExceeded: still running",
        ),
        ("", "no reason given"),
        ("  \n", "no reason given"),
        ("Traceback (most recent call last):\nOdd", "Odd"),
    ],
)
def test_of_any_other_text_the_first_line_counts(error: str, line: str) -> None:
    assert headline(error) == line
