"""The base of what NNI could save and load; here nothing calls it."""

from __future__ import annotations

import os


class Recoverable:
    """Has the names that tuners expect to inherit."""

    def load_checkpoint(self) -> None:
        """Do nothing: a resumed experiment repeats the tuner's calls instead."""

    def save_checkpoint(self) -> None:
        """Do nothing, as in NNI, whose dispatcher never called it."""

    def get_checkpoint_path(self) -> str | None:
        """Where NNI would have put it."""
        path = os.environ.get("NNI_CHECKPOINT_DIRECTORY")
        return path if path and os.path.isdir(path) else None  # noqa: PTH112  # a text, as NNI's
