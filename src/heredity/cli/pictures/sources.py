"""What a place on the command line shows as pictures."""

from __future__ import annotations

from pathlib import Path

from heredity.cli.places import ExperimentPlace, open_place, store_url
from heredity.dashboard.reading.sources import ExperimentSource, Source, StoreSource
from heredity.engine.directory import JOURNAL_NAME
from heredity.errors import HeredityError
from heredity.store import Store, open_store


def source_of(place: str) -> Source:
    """The facts of an experiment or of a store.

    An experiment is shown without its store, if that is gone; what then is missing is told where it would be.

    Raises:
        ConfigError: There is nothing of the kind.
        StoreLocationError: The place is neither.
    """
    directory = Path(place)
    if "://" not in place and (directory / JOURNAL_NAME).is_file():
        return ExperimentSource(directory, store=_store_of(directory))
    opened = open_place(place)
    assert not isinstance(opened, ExperimentPlace)  # noqa: S101  # there is no journal
    return StoreSource(opened)


def _store_of(directory: Path) -> Store | str:
    try:
        return open_store(store_url(directory), create=False)
    except HeredityError as error:
        return error.message
