"""Texts that others wrote, made safe to show: no control characters, no turned directions, a known length."""

from __future__ import annotations

import re
from pathlib import Path

from heredity.encoding import Json, encode

LOG_TAIL_BYTES = 8_000
MAX_TEXT = 200
"""Characters of a text that stands beside others."""

_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")


def log_lines_of(log: Path, *, tail_bytes: int = LOG_TAIL_BYTES) -> list[str]:
    """The last lines of a log, without what would move the cursor or change a terminal's colours.

    Raises:
        OSError: It cannot be read.
    """
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - tail_bytes))
        text = _ESCAPE.sub("", file.read().decode(errors="replace"))
    # A progress bar writes over its own line: what it showed last is what counts.
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    shown = [printable(line) for line in lines]
    return shown[:-1] if shown and not shown[-1] else shown


def printable(text: str) -> str:
    """A line in which each character is seen: what would hide or turn others is replaced."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else "�" for c in text)


def paragraph(text: str) -> str:
    """The same for a text of several lines."""
    return "\n".join(printable(line) for line in _ESCAPE.sub("", text).splitlines())


def clipped(text: str, *, limit: int = MAX_TEXT) -> str:
    """A text in one line that is not too long to stand beside others."""
    line = printable(" ".join(text[: 4 * limit].split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def value_text(value: Json) -> str:
    """A hyperparameter or a measurement as text, clipped."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return clipped(value)
    return clipped(encode(value).decode())
