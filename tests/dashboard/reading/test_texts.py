"""Texts of others, made safe to show."""

from __future__ import annotations

from pathlib import Path

import pytest

from heredity.dashboard.reading.texts import clipped, log_lines_of, paragraph, printable, value_text


@pytest.mark.parametrize("char", ["\x00", "\x07", "\x1b", "\x9b", "\u202e", "\u2066", "\ufeff", "\x7f"])
def test_what_hides_or_turns_others_is_replaced(char: str) -> None:
    assert printable(f"a{char}b") == "a�b"


def test_lines_stay_lines() -> None:
    assert paragraph("one\n\x1b[1mtwo\x1b[0m\tend") == "one\ntwo\tend"


def test_a_long_text_is_one_line_with_an_end() -> None:
    assert clipped("word\n" * 1000, limit=12) == "word word w…"


def test_a_link_in_a_terminal_s_language_leaves_its_text(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\x1b]8;;http://example.org\x1b\\here\x1b]8;;\x1b\\\n 50%\r100%\n")
    assert log_lines_of(log) == ["here", "100%"]


def test_values_of_every_kind_are_texts() -> None:
    assert [value_text(value) for value in (0.1 + 0.2, "x", None, [1, 2], True)] == [
        *("0.3", "x", "null", "[1,2]", "true"),
    ]
