"""All pages that follow from the code, by their file names in `docs/reference`."""

from __future__ import annotations

from pathlib import Path

from docs.generators.commands import commands_page
from docs.generators.experiment_keys import experiment_keys_page
from docs.generators.python_pages import python_pages

FOLDER = Path(__file__).resolve().parents[1] / "reference"


def pages() -> dict[str, str]:
    """Their texts, as they should be."""
    return {
        **python_pages(),
        "commands.md": commands_page(),
        "experiment-keys.md": experiment_keys_page(),
    }
