"""A bucket: every put is one conditional request, so that of many writers of a name one wins."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from heredity.errors import InputError, StoreLocationError, StoreUnavailable
from heredity.store.backends.base import Backend, Blob, Capabilities, Sleeper, Watcher
from heredity.store.backends.objects.blob import ObjectBlob
from heredity.store.backends.objects.failures import (
    is_out_of_range,
    name_is_taken,
    typed_errors,
)
from heredity.store.backends.objects.library import library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from obstore import ObjectMeta

    from heredity.store.backends.objects.client import Client
    from heredity.store.tensors import Buffer

# Conditions and multipart uploads do not go together in obstore; more than this, no service takes in one
# request (S3: 5 GiB, Azure: 5000 MiB).
MAX_PUT_BYTES = 5_000_000_000
# A header is rarely longer, and a small checkpoint is all within: one request opens and reads it.
FIRST_BYTES = 1 << 16

_TMP = "tmp/"
_PROBE_PAUSE_SECONDS = 0.1
_NAMES_A_PAGE = 1000


class ObjectBackend(Backend):
    """Names are objects below a prefix; see `Backend` for what is promised.

    Nothing is repeated here: wrap it into a `RetryingBackend`.

    Args:
        client: What talks to the place.
        url: The place's name.
        max_put_bytes: Larger objects are refused.
    """

    def __init__(self, client: Client, *, url: str, max_put_bytes: int = MAX_PUT_BYTES) -> None:
        self.url = url
        self.capabilities = Capabilities(
            is_shared=client.is_shared,
            is_durable=client.is_shared,
            maps_files=False,
            fences_writers=False,
            first_pause_seconds=0.1 if client.is_shared else 0.0005,
            longest_pause_seconds=1.0 if client.is_shared else 0.01,
        )
        self._client = client
        self._max_put_bytes = max_put_bytes
        self._has_seen_bucket = not client.is_shared

    def make_directories(self, names: Iterable[str]) -> None:
        """Nothing to do: names have no directories here."""

    def put_once(
        self, name: str, content: Iterable[Buffer], *, before_commit: Callable[[], None] | None = None
    ) -> bool:
        """Put the joined pieces under a name, unless it is taken.

        Raises:
            InputError: They are more than fits into one request; nothing was sent.
        """
        pieces = self._copied(name, content)
        if before_commit is not None:
            before_commit()
        if not self._put(name, pieces):
            return False
        if before_commit is not None:
            try:
                before_commit()
            except BaseException:
                self.retire(name)
                raise
        return True

    def _copied(self, name: str, content: Iterable[Buffer]) -> list[bytes]:
        # obstore would send the caller's own memory, after the pieces have run out and with them their last
        # check for a training thread that changes weights during the save. The copy is what that check saw.
        pieces, num_bytes = [], 0
        for piece in content:
            num_bytes += memoryview(piece).nbytes
            if num_bytes > self._max_put_bytes:
                raise InputError(
                    f"{self.url}: {name!r} has more than {self._max_put_bytes} bytes; more cannot be put "
                    "into an object store at once.",
                    hint="Save it in parts, under several keys, or keep the store in a directory.",
                )
            pieces.append(bytes(piece))
        return pieces

    def _put(self, name: str, pieces: list[bytes]) -> bool:
        store = self._client.store(num_bytes=sum(map(len, pieces)))
        try:
            with typed_errors(self.url, f"putting {name!r}"):
                store.put(name, pieces, mode="create", use_multipart=False)
        except name_is_taken() as error:
            # S3 answers in the same way if two puts have met and neither has landed (409).
            if self.exists(name):
                return False
            raise StoreUnavailable(
                f"{self.url}: {name!r} was being put by somebody else too, and is not there.",
                hint="Try again.",
            ) from error
        except FileNotFoundError as error:
            raise StoreLocationError(
                f"{self.url}: putting {name!r} was answered with 404.", hint="Check the endpoint."
            ) from error
        self._has_seen_bucket = True
        return True

    def open(self, name: str) -> Blob | None:
        """Open a name for reading with one request; ``None`` where it is absent."""
        found = self._beginning(name)
        if found is None:
            return None
        size, first = found
        return ObjectBlob(self._client, name, url=self.url, size=size, first=first)

    def _beginning(self, name: str) -> tuple[int, bytes] | None:
        try:
            with typed_errors(self.url, f"opening {name!r}"):
                try:
                    result = self._client.store().get(name, options={"range": (0, FIRST_BYTES)})
                    return result.meta["size"], bytes(result.bytes())
                except library().exceptions.GenericError as error:
                    # An object without bytes has no first ones.
                    if not is_out_of_range(error):
                        raise
        except FileNotFoundError:
            return None
        meta = self._head(name)
        return None if meta is None else (meta["size"], b"")

    def exists(self, name: str) -> bool:
        """Whether the name has been put."""
        return self._head(name) is not None

    def put_at(self, name: str) -> float | None:
        """When a name was put, by the service's clock; ``None`` where it is absent."""
        meta = self._head(name)
        return None if meta is None else meta["last_modified"].timestamp()

    def _head(self, name: str) -> ObjectMeta | None:
        try:
            with typed_errors(self.url, f"looking for {name!r}"):
                meta = self._client.store().head(name)
        except FileNotFoundError:
            # The answer has no body that could say whether the name or the whole bucket is absent.
            self._look_for_bucket()
            return None
        self._has_seen_bucket = True
        return meta

    def _look_for_bucket(self) -> None:
        if not self._has_seen_bucket:
            self.names(_TMP)
            self._has_seen_bucket = True

    def names(self, directory: str) -> list[str]:
        """All names below a directory, whole and sorted."""
        return sorted(meta["path"] for meta in self._listed(directory))

    def _listed(self, directory: str) -> list[ObjectMeta]:
        with typed_errors(self.url, f"listing {directory!r}"):
            pages = self._client.store().list(directory, chunk_size=_NAMES_A_PAGE)
            # A console's "folder" is an object of the directory's own name.
            return [meta for page in pages for meta in page if meta["path"].startswith(directory)]

    def top_names(self) -> list[str]:
        """The first parts of all names, sorted; also of those that are not ours."""
        with typed_errors(self.url, "listing"):
            found = self._client.store().list_with_delimiter()
        return sorted({*found["common_prefixes"], *(meta["path"] for meta in found["objects"])})

    def settle(self, name: str) -> None:
        """Nothing to do: what is seen is durable."""

    def retire(self, name: str) -> None:
        """Delete an object; who reads it gets an error at the next range."""
        try:
            with typed_errors(self.url, f"deleting {name!r}"):
                self._client.store().delete(name)
        except FileNotFoundError:
            return

    def now(self) -> float:
        """The service's time, a tick after that of all that was put before."""
        first = self._time_of_a_new_object()
        while (time_now := self._time_of_a_new_object()) <= first:
            time.sleep(_PROBE_PAUSE_SECONDS)
        return time_now

    def _time_of_a_new_object(self) -> float:
        name = f"{_TMP}{secrets.token_hex(12)}"
        self._put(name, [b"now"])
        try:
            put_at = self.put_at(name)
        finally:
            self.retire(name)
        if put_at is None:
            raise StoreUnavailable(
                f"{self.url}: {name!r} vanished as soon as it was put.",
                hint="Does something clean the bucket?",
            )
        return put_at

    def sweep(self, *, before: float) -> None:
        """Delete what probes have left over. There are no unfinished writes here, and no retired names."""
        for meta in self._listed(_TMP):
            if meta["last_modified"].timestamp() <= before:
                self.retire(meta["path"])

    def version_of(self, directory: str) -> str | None:  # noqa: ARG002  # the interface
        """There is none."""
        return None

    def watch(self, directory: str) -> Watcher:  # noqa: ARG002  # the interface
        """Begin to watch a directory."""
        return Sleeper()
