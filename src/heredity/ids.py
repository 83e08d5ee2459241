"""Names that are parsed once and typed everywhere: checkpoint keys, trial and experiment ids, digests."""

from __future__ import annotations

import re
import unicodedata
from typing import NewType

from heredity.errors import InvalidName

CheckpointKey = NewType("CheckpointKey", str)
"""Name of a checkpoint in a store; used once, for ever."""

TrialId = NewType("TrialId", str)
"""Name of a trial within its experiment."""

ExperimentId = NewType("ExperimentId", str)
"""Name of an experiment; the prefix of its checkpoints' keys."""

Digest = NewType("Digest", str)
"""Content hash, with the algorithm's name in front: ``x3:0f…`` (xxh3-128)."""

# 200 bytes, percent-encoded at worst, stay below the 255 bytes that file systems allow for a name.
MAX_KEY_BYTES = 200
_KEY = re.compile(r"[^\x00-\x20\x7f\\]+")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_@-][A-Za-z0-9_@.-]*(?:/[A-Za-z0-9_@-][A-Za-z0-9_@.-]*)*")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(?:\.[A-Za-z0-9_-]+)*")
_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-f]{16,128}")


def parse_checkpoint_key(text: str) -> CheckpointKey:
    """Check a checkpoint's name.

    Any printable text without blanks and backslashes, up to 200 bytes when encoded for a file name,
    in Unicode's composed form (NFC). Slashes group keys; no part between them may be empty, ``.`` or ``..``.

    Raises:
        InvalidName: The text is not such a name.
    """
    if not isinstance(text, str):
        raise InvalidName(f"Checkpoint key {text!r:.80}: expected a text, got {type(text).__name__}.")
    # Nearly all are plain, and a journal holds many.
    is_plain = 3 * len(text) <= MAX_KEY_BYTES and _PLAIN_KEY.fullmatch(text)
    problem = "" if is_plain else _problem_of_key(text)
    if problem:
        raise InvalidName(
            f"Checkpoint key {text[:80]!r}: {problem}.",
            hint="Use letters, digits and -_.@/, as in 'run-1/father@2'.",
        )
    return CheckpointKey(text)


def _problem_of_key(text: str) -> str:
    if not text:
        return "it is empty"
    if not _KEY.fullmatch(text) or not text.isprintable():
        return "it holds a blank, a backslash or a character that cannot be printed"
    if unicodedata.normalize("NFC", text) != text:
        return "it is not in Unicode's composed form (NFC) and could collide with one that looks the same"
    if any(part in {"", ".", ".."} for part in text.split("/")):
        return "a part between slashes is empty, '.' or '..'"
    if encoded_length(text) > MAX_KEY_BYTES:
        return f"it takes {encoded_length(text)} bytes when encoded, more than {MAX_KEY_BYTES}"
    return ""


def encoded_length(text: str) -> int:
    """Bytes that a key takes in a file name, where all but letters, digits and ``_.-~`` become ``%XX``."""
    return sum(
        1 if char.isascii() and (char.isalnum() or char in "_.-~") else 3 for char in _bytes_as_chars(text)
    )


def _bytes_as_chars(text: str) -> str:
    return text.encode("utf-8").decode("latin-1")


def parse_trial_id(text: str) -> TrialId:
    """Check a trial's name: letters, digits, ``_``, ``-`` and single dots, at most 64 characters.

    Raises:
        InvalidName: The text is not such a name.
    """
    return TrialId(_parse_id(text, what="Trial id"))


def parse_experiment_id(text: str) -> ExperimentId:
    """Check an experiment's name, by the rule for trials.

    Raises:
        InvalidName: The text is not such a name.
    """
    return ExperimentId(_parse_id(text, what="Experiment name"))


def _parse_id(text: str, *, what: str) -> str:
    if not _ID.fullmatch(text) or len(text) > 64:
        raise InvalidName(
            f"{what} {text[:80]!r}: expected 1 to 64 letters, digits, '_', '-' and single dots, "
            "beginning with a letter or a digit."
        )
    return text


def parse_digest(text: str) -> Digest:
    """Check a digest's form: the algorithm's name, a colon, lower-case hexadecimal digits.

    Raises:
        InvalidName: The text has another form.
    """
    if not _DIGEST.fullmatch(text):
        raise InvalidName(
            f"Digest {text[:80]!r}: expected the form 'x3:0f12…' (algorithm, colon, hexadecimal)."
        )
    return Digest(text)
