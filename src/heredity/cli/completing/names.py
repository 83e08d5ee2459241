"""What a shell may complete: places that hold something, and the trials and keys in them."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from heredity.cli.places import ExperimentPlace, open_place
from heredity.engine.directory import JOURNAL_NAME
from heredity.errors import HeredityError

MAX_ITEMS = 500
"""More than that no shell shows; it asks first."""


class _PlaceType(click.ParamType[str]):
    """An experiment's directory, or a store's directory or URL: below `runs/` those that there are."""

    name = "place"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002  # click's interface
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        found = sorted(str(path.parent) for path in Path().glob(f"runs/*/*/{JOURNAL_NAME}"))
        fitting = [CompletionItem(each) for each in found if each.startswith(incomplete)]
        # A shell that is told of directories forgets the rest.
        return fitting or [CompletionItem(incomplete, type="dir")]


class _NameType(click.ParamType[str]):
    """A trial of the experiment, or a key in the store, that the argument `place` names."""

    name = "name"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002  # click's interface
        incomplete: str,
    ) -> list[CompletionItem]:
        place = ctx.params.get("place")
        if not isinstance(place, str):
            return []
        try:
            return [CompletionItem(name, help=what) for name, what in _names_in(place, incomplete)][
                :MAX_ITEMS
            ]
        except HeredityError:
            return []  # a shell that completes has no room for an error; the command will say it


PLACE = _PlaceType()
NAME = _NameType()


def _names_in(place: str, prefix: str) -> list[tuple[str, str]]:
    opened = open_place(place)
    if isinstance(opened, ExperimentPlace):
        trials = opened.state.trials.values()
        return [(record.id, record.state.value) for record in trials if record.id.startswith(prefix)]
    return [(checkpoint.key, "checkpoint") for checkpoint in opened.checkpoints(prefix)]
