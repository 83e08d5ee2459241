"""A folder of the doctor's own in the place that is examined, and its end."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from heredity.errors import StoreLocationError, StoreUnavailable
from heredity.store import Backend, LocalBackend, MemoryBackend
from heredity.store.backends.objects import BucketClient, BucketLocation, ObjectBackend, is_bucket_url
from heredity.store.backends.posix import typed_errors
from heredity.store.backends.retrying import Backoff, RetryingBackend
from heredity.store.locate import DOCTOR, directory_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Somebody who waits for a verdict is told of a server that does not answer within this time.
_BACKOFF = Backoff(max_tries=3, max_seconds=10.0)
_REMOVAL_TRIES = 20
_REMOVAL_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Place:
    """What is examined.

    Args:
        url: As it was named.
        examined: What is really looked at.
        backend: Of a folder that nobody else uses; nothing in it yet.
        home: The directory that the folder lies in; ``None`` where there are no directories.
        folder: The folder itself, where it is one.
    """

    url: str
    examined: str
    backend: Backend
    home: Path | None = None
    folder: Path | None = None

    @property
    def is_bucket(self) -> bool:
        """Whether it lies in an object store."""
        return is_bucket_url(self.url)


def new_code() -> str:
    """A name for a folder that nobody has used, easily read out to somebody at another machine."""
    return secrets.token_hex(4)


def place_of(url: str, *, code: str, part: str = "", options: Mapping[str, str] | None = None) -> Place:
    """Say where a URL points to, without touching anything there.

    Args:
        url: A path or URL, as for `open_store`.
        code: What the doctor's folder is called after.
        part: A folder within it, where several are needed.
        options: How to talk to an object store.

    Raises:
        StoreLocationError: It points to nothing of the kind.
        InputError: An option is unknown, or not for such a place.
    """
    name = f"{DOCTOR}{code}/{part}".removesuffix("/")
    if is_bucket_url(url):
        location = BucketLocation.from_url(f"{url.removesuffix('/')}/{name}")
        bucket = ObjectBackend(BucketClient(location, options or {}), url=location.url)
        return Place(
            url, f"{location.service} bucket {location.bucket}", RetryingBackend(bucket, backoff=_BACKOFF)
        )
    if url.startswith("memory://"):
        return Place(url, "the memory of this process", MemoryBackend(url=f"{url}/{name}"))
    home = _nearest(directory_of(url))
    return Place(url, str(home), LocalBackend(home / name), home=home, folder=home / name)


def _nearest(directory: Path) -> Path:
    """The directory itself, or the lowest one above it that is there: a store would be made from there."""
    with typed_errors(directory, "looking"):
        for path in (directory, *directory.parents):
            if path.is_dir():
                return path
            if path.exists():
                raise StoreLocationError(f"{path}: is a file; a store is a directory.")
    return Path("/")


@contextmanager
def folder_in(place: Place, *, is_open_to_all: bool = False) -> Iterator[None]:
    """Make the folder, and take it away in the end with all that is in it, also after an interruption.

    Args:
        place: What is examined.
        is_open_to_all: Whether other users may put their files into it.

    Raises:
        StoreLocationError: The place may not be written.
        StoreUnavailable: The place does not answer.
    """
    try:
        if place.folder is not None:
            with typed_errors(place.folder, "making the doctor's folder"):
                place.folder.mkdir()
                if is_open_to_all:
                    place.folder.chmod(0o1777)
        yield
    finally:
        _remove(place)


def _remove(place: Place) -> None:
    if place.folder is None:
        # Who was not allowed to put anything has nothing to take away either.
        with suppress(StoreLocationError, StoreUnavailable):
            for name in place.backend.names(""):
                place.backend.retire(name)
        return
    for _ in range(_REMOVAL_TRIES):
        shutil.rmtree(place.folder, ignore_errors=True)
        if not os.path.lexists(place.folder):
            return
        # On NFS a file that was deleted while it was open keeps a name for a moment longer.
        time.sleep(_REMOVAL_PAUSE_SECONDS)
